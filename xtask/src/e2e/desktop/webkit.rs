//! Starts WebKitWebDriver, which in turn starts our program and drives the page in it.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::super::driver::Driver;
use super::{Desk, Person};
use crate::background::Background;

/// Maximum time for the driver to listen on its port.
const PATIENCE: Duration = Duration::from_secs(20);
/// Environment variables with which Tauri allows its window to be driven.
const AUTOMATION: [&str; 2] = ["TAURI_AUTOMATION", "TAURI_WEBVIEW_AUTOMATION"];

/// Returns a session's capabilities: the program to start and its arguments.
pub fn capabilities(program: &Path, words: &[String]) -> Value {
    json!({ "webkitgtk:browserOptions": { "binary": program, "args": words } })
}

/// Starts the driver on a free port, with the person's home, which the program inherits. The driver's output
/// goes to `log`.
pub fn start(desk: &Desk, person: &Person, log: &Path) -> Result<Driver> {
    let port = free_port()?;
    let write = || format!("could not write {}", log.display());
    let log = File::create(log).with_context(write)?;
    let mut command = Command::new("WebKitWebDriver");
    person.settle(desk, &mut command);
    for name in AUTOMATION {
        command.env(name, "true");
    }
    command
        .arg(format!("--port={port}"))
        .stdout(log.try_clone().with_context(write)?)
        .stderr(log);
    let program = Background::start(&mut command)?;
    let start = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if start.elapsed() > PATIENCE {
            bail!("WebKitWebDriver does not listen on port {port}");
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(Driver::new(program, port))
}

/// Returns a free port, because the driver does not accept port 0.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}
