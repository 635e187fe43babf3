//! Everything that the checks of `cargo xtask test` need on the machine; it is installed before the first of them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::command;
use crate::page::{self, Build};
use crate::project::Project;
use crate::setup::clients::{self, Clients, PythonPackages};
use crate::setup::wasm::Toolchain;
use crate::setup::{browser, desktop, model, tools, vulkan, wasm};

/// Something that a step needs on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The wasm32 standard library.
    Wasm,
    /// clippy for wasm32.
    WasmClippy,
    /// trunk and wasm-bindgen.
    Tools,
    /// wasm-opt.
    WasmOpt,
    /// A Vulkan adapter.
    Vulkan,
    /// Chromium and chromedriver.
    Browser,
    /// The default model.
    Model,
    /// OpenAI's client packages, and frameworks built on them.
    Clients,
    /// GuideLLM, with PyTorch.
    GuideLlm,
    /// WebKitGTK, on which the desktop program is built.
    Webkit,
    /// The programs that drive the desktop program's window.
    Window,
}

/// Outcome of a step that did not fail.
pub enum Verdict {
    /// It passed.
    Passed,
    /// It passed, with this note for the summary.
    PassedWith(String),
    /// It could not run here, for this reason.
    NotRun(String),
}

/// Environment in which the steps run.
pub struct Context<'a> {
    /// Paths of the project.
    pub project: &'a Project,
    toolchain: Option<Toolchain>,
    model: Option<PathBuf>,
    clients: Option<Clients>,
    guidellm: Option<PythonPackages>,
    /// True if the page as it ships was built in this run.
    page: Cell<bool>,
    /// The needs that could not be met, with the reason.
    unmet: BTreeMap<Need, String>,
}

impl<'a> Context<'a> {
    /// Installs what is needed. If something can't be installed, only the steps that need it fail.
    pub fn prepare(project: &'a Project, mut needs: Vec<Need>) -> Self {
        needs.sort_unstable();
        needs.dedup();
        let mut context = Self {
            project,
            toolchain: None,
            model: None,
            clients: None,
            guidellm: None,
            page: Cell::new(false),
            unmet: BTreeMap::new(),
        };
        for need in needs {
            if let Err(error) = context.meet(need) {
                println!("{error:#}");
                context.unmet.insert(need, format!("{error:#}"));
            }
        }
        context
    }

    fn meet(&mut self, need: Need) -> Result<()> {
        match need {
            Need::Wasm => self.toolchain = Some(wasm::ensure(self.project)?),
            Need::WasmClippy => wasm::ensure_clippy(self.toolchain()?)?,
            Need::Tools => tools::ensure(self.project)?,
            Need::WasmOpt => tools::ensure_wasm_opt(self.project)?,
            Need::Vulkan => vulkan::ensure()?,
            Need::Browser => browser::ensure()?,
            Need::Model => self.model = Some(model::ensure(self.project)?),
            Need::Clients => self.clients = Some(clients::ensure(self.project)?),
            Need::GuideLlm => {
                self.guidellm = Some(clients::ensure_guidellm(self.project)?);
            }
            Need::Webkit => desktop::ensure()?,
            Need::Window => desktop::ensure_driver()?,
        }
        Ok(())
    }

    /// Returns the reason why one of the needs is not met, if one is not.
    pub fn missing(&self, needs: &[Need]) -> Option<String> {
        needs.iter().find_map(|need| self.unmet.get(need).cloned())
    }

    /// Returns the toolchain that builds for the browser.
    ///
    /// # Errors
    /// If the step does not list [`Need::Wasm`].
    pub fn toolchain(&self) -> Result<Toolchain> {
        self.toolchain
            .context("the wasm32 standard library was not set up")
    }

    /// Returns the path of the default model.
    ///
    /// # Errors
    /// If the step does not list [`Need::Model`].
    pub fn model(&self) -> Result<&Path> {
        self.model
            .as_deref()
            .context("the default model was not set up")
    }

    /// Returns OpenAI's client packages, and frameworks built on them.
    ///
    /// # Errors
    /// If the step does not list [`Need::Clients`].
    pub fn clients(&self) -> Result<&Clients> {
        self.clients
            .as_ref()
            .context("OpenAI's client packages were not set up")
    }

    /// Returns GuideLLM's packages.
    ///
    /// # Errors
    /// If the step does not list [`Need::GuideLlm`].
    pub fn guidellm(&self) -> Result<&PythonPackages> {
        self.guidellm.as_ref().context("GuideLLM was not set up")
    }

    /// Builds the page as it ships, once for all steps that need it.
    pub fn page(&self) -> Result<()> {
        if !self.page.get() {
            page::build(self.project, self.toolchain()?, Build::Small)?;
            self.page.set(true);
        }
        Ok(())
    }

    /// Returns a cargo command with the active toolchain, in the checkout.
    pub fn cargo(&self) -> Command {
        command::cargo(&self.project.root)
    }

    /// Makes the command use the tests' Vulkan adapter.
    pub fn on_adapter(&self, mut command: Command) -> Command {
        vulkan::choose(&mut command);
        command
    }
}
