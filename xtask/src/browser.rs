//! Opens the page in the user's browser.

use std::env;
use std::process::{Command, Stdio};

/// Opens the address in the default browser. Does nothing on CI or without a graphical session, because the
/// caller prints the address anyway.
pub fn open(url: &str) {
    let Some(mut command) = opener() else { return };
    let started = command
        .arg(url)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if started.is_err() {
        println!("Could not open a browser: open the address yourself.");
    }
}

fn opener() -> Option<Command> {
    if env::var_os("CI").is_some() {
        return None;
    }
    if cfg!(target_os = "macos") {
        return Some(Command::new("open"));
    }
    if cfg!(windows) {
        let mut command = Command::new("cmd");
        command.args(["/C", "start", ""]);
        return Some(command);
    }
    let desktop = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| env::var_os(name).is_some());
    desktop.then(|| Command::new("xdg-open"))
}
