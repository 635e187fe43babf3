//! Finds or installs the wasm32 standard library: the active toolchain's, else the one that rustup adds, else one
//! that is built from Debian's packaged source with Debian's compiler.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{apt, ensure_folder};
use crate::project::Project;
use crate::{command, machine};

mod debian;

/// Target of all code that runs in the browser.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// rustup's name for Debian's compiler.
const WEB: &str = "web";

/// Time limit for rustup to download the library.
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(180);

/// The toolchain that builds for [`TARGET`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// The active toolchain.
    Active,
    /// Debian's, linked into rustup as `web`.
    Web,
}

impl Toolchain {
    /// Returns a command that runs `program` (cargo, rustc, trunk, ...) with this toolchain, in the environment of
    /// the user's shell.
    pub fn command(self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command::remove_cargo_variables(&mut command);
        if self == Self::Web {
            command.env("RUSTUP_TOOLCHAIN", WEB);
        }
        command
    }

    /// Returns true if the toolchain has a standard library for the target.
    fn has_std(self) -> bool {
        self.library_folder()
            .is_some_and(|folder| has_library(&folder, "std"))
    }

    fn library_folder(self) -> Option<PathBuf> {
        let mut rustc = self.command("rustc");
        let folder =
            command::output(rustc.args(["--print", "target-libdir", "--target", TARGET])).ok()?;
        Some(PathBuf::from(folder.trim()))
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Active => "the active toolchain",
            Self::Web => "Debian's toolchain, rustup's `web`",
        })
    }
}

/// Returns the toolchain that can build for the browser, if one is installed.
pub fn installed(project: &Project) -> Option<Toolchain> {
    if Toolchain::Active.has_std() {
        return Some(Toolchain::Active);
    }
    (Toolchain::Web.has_std() && debian::is_complete(project)).then_some(Toolchain::Web)
}

/// Returns a toolchain that can build for the browser, and installs one if there is none.
///
/// # Errors
/// If there is none and none can be installed; the message says what to do.
pub fn ensure(project: &Project) -> Result<Toolchain> {
    installed(project).map_or_else(|| install(project), Ok)
}

/// Installs the wasm32 standard library and returns the toolchain that has it.
///
/// # Errors
/// Same as [`ensure()`].
pub fn install(project: &Project) -> Result<Toolchain> {
    println!("Installing the wasm32 standard library");
    let mut add = Command::new("rustup");
    let Err(refusal) = command::run_within(add.args(["target", "add", TARGET]), DOWNLOAD_LIMIT)
    else {
        return Ok(Toolchain::Active);
    };
    if !machine::is_debian() || !machine::is_root() {
        bail!(
            "{refusal}\nThe wasm32 standard library is missing and rustup could not add it. See what \
             it says above and type `rustup target add {TARGET}`; on Debian, root needs no download \
             from rustup: the packaged compiler is used."
        );
    }
    println!(
        "rustup could not add it. Building it from Debian's packaged source instead, which takes \
         some minutes more."
    );
    debian::install(project)?;
    Ok(Toolchain::Web)
}

/// Installs clippy for the toolchain if it is missing.
pub fn ensure_clippy(toolchain: Toolchain) -> Result<()> {
    let present = command::output(toolchain.command("cargo").args(["clippy", "--version"])).is_ok();
    match toolchain {
        _ if present => Ok(()),
        Toolchain::Web => apt::ensure(&["rust-web-clippy"], "clippy for wasm32"),
        Toolchain::Active => {
            command::run(Command::new("rustup").args(["component", "add", "clippy"]))
        }
    }
}

/// Returns true if the folder contains the compiled crate `name`.
fn has_library(folder: &Path, name: &str) -> bool {
    let prefix = format!("lib{name}-");
    fs::read_dir(folder).is_ok_and(|entries| {
        entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .any(|file| file.starts_with(&prefix) && file.ends_with(".rlib"))
    })
}
