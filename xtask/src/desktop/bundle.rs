//! Builds packages of the program with Tauri's bundler; each system builds its own kinds.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::command;
use crate::project::Project;
use crate::setup::desktop;

/// Time limit of a bundler, which may have to download tools.
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(600);

/// Kind of package that is always built. It needs no download on Linux and macOS; on Windows, Tauri fetches WiX.
const CERTAIN: &str = if cfg!(target_os = "macos") {
    "dmg"
} else if cfg!(windows) {
    "msi"
} else {
    "deb"
};

/// Builds this system's packages of the built program and prints their paths. Returns the `.deb`, if that is
/// this system's package.
///
/// # Errors
/// If the package of the kind [`CERTAIN`] can't be built. An AppImage that can't be built is only reported,
/// because its tools have to be downloaded from GitHub.
pub fn run(project: &Project) -> Result<Option<PathBuf>> {
    let folder = project.target.join("release/bundle");
    bundle(project, CERTAIN)?;
    let package = newest(&folder.join(CERTAIN), CERTAIN)?;
    let mut made = vec![package.clone()];
    if cfg!(target_os = "linux") {
        match bundle(project, "appimage")
            .and_then(|()| newest(&folder.join("appimage"), "AppImage"))
        {
            Ok(image) => made.push(image),
            Err(error) => println!(
                "No AppImage was made: {error:#}\nIts tools (linuxdeploy) come from GitHub, which has to \
                 be reachable; the .deb is complete without."
            ),
        }
    }
    println!();
    for file in &made {
        println!("Packed: {}", file.display());
    }
    Ok((CERTAIN == "deb").then_some(package))
}

/// Builds one kind of package.
fn bundle(project: &Project, kind: &str) -> Result<()> {
    let mut tauri = desktop::tauri(project)?;
    tauri
        .args(["bundle", "--bundles", kind])
        .current_dir(project.root.join("desktop"))
        // Makes the bundler run without questions.
        .env("CI", "true")
        .env("CARGO_TARGET_DIR", &project.target);
    command::run_within(&mut tauri, DOWNLOAD_LIMIT)
}

/// Returns the newest file with the extension in the folder.
fn newest(folder: &Path, extension: &str) -> Result<PathBuf> {
    folder
        .read_dir()
        .with_context(|| format!("could not list {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .max_by_key(|path| path.metadata().and_then(|data| data.modified()).ok())
        .with_context(|| format!("{} has no .{extension}", folder.display()))
}
