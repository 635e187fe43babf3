//! A Vulkan adapter for the native tests: Mesa's lavapipe, which needs no graphics hardware.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::apt;

/// Environment variables with which a user chooses the drivers that Vulkan may use.
const DRIVER_VARIABLES: [&str; 2] = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"];

/// Installs lavapipe on Linux if it is missing, unless the user chose drivers.
pub fn ensure() -> Result<()> {
    if chosen_by_person() || cfg!(not(target_os = "linux")) {
        return Ok(());
    }
    match lavapipe() {
        Some(_) => Ok(()),
        None => apt::ensure(
            &["mesa-vulkan-drivers", "libvulkan1"],
            "a Vulkan adapter (lavapipe)",
        ),
    }
}

/// Makes the command use lavapipe for Vulkan, unless the user chose drivers, so that a test's results do not
/// depend on the machine.
pub fn choose(command: &mut Command) {
    if let Some(driver) = lavapipe().filter(|_| !chosen_by_person()) {
        command.env("VK_ICD_FILENAMES", driver);
    }
    // If it is not set, as on a bare machine, drivers print a warning every time they are opened.
    if env::var_os("XDG_RUNTIME_DIR").is_none() {
        command.env("XDG_RUNTIME_DIR", env::temp_dir());
    }
}

fn chosen_by_person() -> bool {
    DRIVER_VARIABLES
        .iter()
        .any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Returns the path of lavapipe's manifest, by which the Vulkan loader finds the driver.
fn lavapipe() -> Option<PathBuf> {
    ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"]
        .iter()
        .find_map(|folder| {
            fs::read_dir(Path::new(folder))
                .ok()?
                .filter_map(|entry| Some(entry.ok()?.path()))
                .find(|file| {
                    file.file_name()
                        .is_some_and(|name| name.to_string_lossy().starts_with("lvp_icd."))
                })
        })
}
