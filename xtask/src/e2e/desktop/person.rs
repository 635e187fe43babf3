//! A person's home, in which the program finds what it kept.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::Desk;
use crate::setup::vulkan;

/// Folders of the home, by the variable that names each.
const FOLDERS: [(&str, &str); 6] = [
    ("HOME", "home"),
    ("XDG_CONFIG_HOME", "config"),
    ("XDG_DATA_HOME", "data"),
    ("XDG_CACHE_HOME", "cache"),
    ("XDG_STATE_HOME", "state"),
    ("XDG_RUNTIME_DIR", "runtime"),
];

/// Variables of the surrounding desktop that would change the tests.
const FOREIGN: [&str; 4] = [
    "WAYLAND_DISPLAY",
    "GTK_MODULES",
    "GTK_THEME",
    "DESKTOP_SESSION",
];

/// A home that is gone with this value.
pub struct Person {
    folder: TempDir,
}

impl Person {
    /// Makes an empty home, as of somebody who starts the program for the first time.
    ///
    /// # Errors
    /// Where there is no place for the home.
    pub fn new() -> Result<Self> {
        let folder = tempfile::tempdir().context("no folder for a home")?;
        for (_, name) in FOLDERS {
            // As private as the folder around it, which is what the last of them has to be.
            fs::create_dir(folder.path().join(name)).context("no folder for a home")?;
        }
        Ok(Self { folder })
    }

    /// Path of a file in the home that is not the program's.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Gives the command this home and the desk's display, bus and Vulkan adapter.
    pub fn settle(&self, desk: &Desk, command: &mut Command) {
        for name in FOREIGN {
            command.env_remove(name);
        }
        vulkan::choose(command);
        for (variable, name) in FOLDERS {
            command.env(variable, self.file(name));
        }
        command
            .env("DISPLAY", &desk.display.name)
            .env("DBUS_SESSION_BUS_ADDRESS", &desk.bus.address)
            .env("GDK_BACKEND", "x11")
            .env("GSETTINGS_BACKEND", "memory")
            // Without it, GTK looks for a screen reader and warns that there is none.
            .env("NO_AT_BRIDGE", "1");
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        // WebKit's own processes end a little later than the program, and still write there.
        for _ in 0..20 {
            if fs::remove_dir_all(self.folder.path()).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}
