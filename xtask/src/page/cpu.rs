//! Builds the modules of the CPU path, which the page's engine loads: one whose threads share its memory, and one for
//! browsers that refuse shared memory.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::command::{self, Cancellation};
use crate::project::Project;
use crate::setup::wasm::{TARGET, Toolchain};

/// Package of the modules.
const PACKAGE: &str = "llamaglass-cpu-wasm";
/// Cargo's profile for them. wasm-opt makes them no smaller.
const PROFILE: &str = "web-cpu";

/// A module of the CPU path.
struct Module {
    /// Name of the file in the page.
    file: &'static str,
    /// rustc's arguments.
    flags: &'static [&'static str],
}

const MODULES: [Module; 2] = [
    Module {
        file: "cpu-threads.wasm",
        // The standard library was built without these features, so the linker may not compare them. The threads never
        // call what matters in it: no allocator, no lock, no thread-local variable. rustc warns that its name for the
        // feature `atomics` may change.
        flags: &[
            "-Ctarget-feature=+simd128,+atomics,+bulk-memory,+mutable-globals",
            "-Clink-arg=--shared-memory",
            "-Clink-arg=--import-memory",
            "-Clink-arg=--no-check-features",
            "-Clink-arg=--export=__stack_pointer",
            // 64 pages, with which `cpu/host` creates the memory.
            "-Clink-arg=--initial-memory=4194304",
            "-Clink-arg=--max-memory=4294967296",
        ],
    },
    Module {
        file: "cpu.wasm",
        flags: &["-Ctarget-feature=+simd128"],
    },
];

/// Builds the modules and returns the folder that has them. Prints nothing but the errors: rustc's warnings about
/// features are expected.
///
/// # Errors
/// If cargo fails; the message has the end of its output.
pub fn build(
    project: &Project,
    toolchain: Toolchain,
    cancellation: &Cancellation,
) -> Result<PathBuf> {
    let folder = project.target.join("page-cpu");
    let built = folder.join("built");
    fs::create_dir_all(&built).with_context(|| format!("could not create {}", built.display()))?;
    let log = folder.join("build.log");
    // Removes the log of an earlier build.
    let _ = fs::remove_file(&log);
    for module in &MODULES {
        // A folder for each, because cargo gives both the same name.
        let target = folder.join(Path::new(module.file).with_extension(""));
        let mut cargo = toolchain.command("cargo");
        cargo
            .current_dir(&project.root)
            .args(["build", "--locked", "--package", PACKAGE])
            .args(["--target", TARGET, "--profile", PROFILE, "--target-dir"])
            .arg(&target)
            .env_remove("RUSTFLAGS")
            .env("CARGO_ENCODED_RUSTFLAGS", module.flags.join("\x1f"));
        command::run_logged(&mut cargo, &log, cancellation)?;
        let name = format!("{}.wasm", PACKAGE.replace('-', "_"));
        copy(
            &target.join(TARGET).join(PROFILE).join(name),
            &built.join(module.file),
        )?;
    }
    Ok(built)
}

/// Copies the modules from the folder that [`build`] returned to the page.
pub fn copy_to_page(folder: &Path, dist: &Path) -> Result<()> {
    MODULES
        .iter()
        .try_for_each(|module| copy(&folder.join(module.file), &dist.join(module.file)))
}

/// Returns true if the file of the page belongs to the CPU path.
pub fn is_file(name: &str) -> bool {
    name == "cpu-helper.js" || MODULES.iter().any(|module| module.file == name)
}

/// Returns the names of the modules' files, the threaded one first.
pub fn file_names() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|module| module.file)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .with_context(|| format!("could not copy {} to {}", from.display(), to.display()))?;
    Ok(())
}
