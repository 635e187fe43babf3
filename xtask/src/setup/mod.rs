//! Installs what has to be on the machine before anything can be built, run or tested.

pub mod apt;
pub mod browser;
pub mod clients;
pub mod desktop;
pub mod llama_cpp;
pub mod model;
pub mod npm;
pub mod plan;
pub mod tools;
pub mod vulkan;
pub mod wasm;
mod wheel;

pub use wheel::python;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::project::Project;
use crate::tasks;
use crate::timings::Timings;
use plan::{Needs, Plan};

/// Arguments of `setup`.
#[derive(clap::Args)]
pub struct Args {
    /// Also install what `cargo xtask test` needs.
    #[arg(long)]
    test: bool,
}

/// Installs what is missing and prints where everything is.
///
/// # Errors
/// If something can't be installed; the message says what to do.
pub fn run(project: &Project, args: &Args) -> Result<()> {
    let mut timings = Timings::start();
    let plan = Plan::new(
        project,
        Needs {
            wasm_opt: true,
            model: true,
        },
    )?;
    plan.announce(project, None);
    let was_installed = plan.is_empty();
    let toolchain = plan.install_first(project, &mut timings)?;
    timings.extend(tasks::run_together(None, plan.into_tasks(project))?);
    if !was_installed {
        println!("{timings}");
    }
    if args.test {
        vulkan::ensure()?;
        browser::ensure()?;
        clients::ensure(project)?;
        desktop::ensure()?;
        desktop::ensure_driver()?;
        wasm::ensure_clippy(toolchain)?;
    }
    println!(
        "Ready. wasm32: {toolchain}; tools: {}; model: {}",
        project.tools().display(),
        model::path(project).display()
    );
    Ok(())
}

/// Creates the folder if it is missing, and returns it.
fn ensure_folder(folder: &Path) -> Result<&Path> {
    fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))?;
    Ok(folder)
}
