//! A user's home folder, in which the program keeps its files from one start to the next.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::Desk;
use crate::setup::vulkan;

/// Environment variables, and the folders of the home that they name.
const FOLDERS: [(&str, &str); 6] = [
    ("HOME", "home"),
    ("XDG_CONFIG_HOME", "config"),
    ("XDG_DATA_HOME", "data"),
    ("XDG_CACHE_HOME", "cache"),
    ("XDG_STATE_HOME", "state"),
    ("XDG_RUNTIME_DIR", "runtime"),
];

/// Variables of the surrounding desktop session that would affect the tests.
const FOREIGN: [&str; 4] = [
    "WAYLAND_DISPLAY",
    "GTK_MODULES",
    "GTK_THEME",
    "DESKTOP_SESSION",
];

/// A home folder that is removed when this value is dropped.
pub struct Person {
    folder: TempDir,
}

impl Person {
    /// Creates an empty home, like that of a user who starts the program for the first time.
    pub fn new() -> Result<Self> {
        let folder = tempfile::tempdir().context("no folder for a home")?;
        for (_, name) in FOLDERS {
            // The temporary folder around it is private, as XDG_RUNTIME_DIR has to be.
            fs::create_dir(folder.path().join(name)).context("no folder for a home")?;
        }
        Ok(Self { folder })
    }

    /// Returns the path of a file or folder beside the program's own files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sets the command's environment to this home, the desk's display and bus, and the tests' Vulkan adapter.
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
            // Otherwise GTK looks for a screen reader and warns that there is none.
            .env("NO_AT_BRIDGE", "1");
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        // WebKit's processes exit a little later than the program, and still write to the folder.
        for _ in 0..20 {
            if fs::remove_dir_all(self.folder.path()).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}
