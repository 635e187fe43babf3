//! WebKitWebDriver, which starts our program and drives the page in it.

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

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);
/// With these, Tauri lets its window be driven.
const AUTOMATION: [&str; 2] = ["TAURI_AUTOMATION", "TAURI_WEBVIEW_AUTOMATION"];

/// A session's capabilities: the program to start, and its words.
pub fn capabilities(program: &Path, words: &[String]) -> Value {
    json!({ "webkitgtk:browserOptions": { "binary": program, "args": words } })
}

/// Starts it for the person, on a free port; what it starts has the same home. Its log goes to `log`.
///
/// # Errors
/// Where it does not start.
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

/// It takes no 0 for "any", so a port is looked for that nobody has.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}
