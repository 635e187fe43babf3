//! Opening the page in the person's browser.

use std::env;
use std::process::{Command, Stdio};

/// Opens the address with the desktop's own browser. Quiet where there is no desktop: the address
/// is on the screen anyway.
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
