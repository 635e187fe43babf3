//! Chromium, and the chromedriver that starts it.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::driver::Driver;
use crate::background::Background;
use crate::project::Project;
use crate::setup::browser;

/// Host name of this machine that Chromium treats as remote, so that its pages are not a secure context.
pub const OTHER_MACHINE: &str = "other-machine.test";

/// Chromium's arguments: no window, root allowed, WebGPU on a software adapter if there is no other, and
/// no traffic of its own.
const ARGUMENTS: [&str; 10] = [
    "--host-resolver-rules=MAP other-machine.test 127.0.0.1",
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--enable-unsafe-webgpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// Returns a session's capabilities: the arguments, a readable console, and downloads that go to
/// `folder/downloads` without a prompt.
pub fn capabilities(folder: &Path) -> Value {
    let preferences = json!({
        "download.default_directory": folder.join("downloads"),
        "download.prompt_for_download": false,
        // Otherwise Chromium would prompt for several downloads in a row.
        "profile.default_content_setting_values.automatic_downloads": 1,
    });
    json!({
        "goog:chromeOptions": { "args": ARGUMENTS, "prefs": preferences },
        "goog:loggingPrefs": { "browser": "ALL" },
    })
}

/// Writes the capabilities where `wasm-bindgen-test-runner` can read them, and returns the file.
pub fn write_capabilities(project: &Project) -> Result<PathBuf> {
    let folder = super::folder(project)?;
    let file = folder.join("webdriver.json");
    fs::write(&file, capabilities(&folder).to_string())
        .with_context(|| format!("could not write {}", file.display()))?;
    Ok(file)
}

/// Starts chromedriver on a free port; its log goes to the folder.
pub fn start(folder: &Path) -> Result<Driver> {
    let log = folder.join("chromedriver.log");
    let mut command = Command::new(browser::chromedriver()?);
    command
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(File::create(&log).with_context(|| format!("could not write {}", log.display()))?);
    let mut program = Background::start(&mut command)?;
    let output = program
        .process()
        .stdout
        .take()
        .context("chromedriver has no output")?;
    let port = BufReader::new(output)
        .lines()
        .map_while(Result::ok)
        .find_map(|line| started_on(&line))
        .with_context(|| format!("chromedriver did not start: see {}", log.display()))?;
    Ok(Driver::new(program, port))
}

/// Parses the port of `ChromeDriver was started successfully on port 41234.`
fn started_on(line: &str) -> Option<u16> {
    line.split_once("started successfully on port ")?
        .1
        .trim_end_matches('.')
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_is_read_from_chromedrivers_greeting() {
        assert_eq!(
            started_on("ChromeDriver was started successfully on port 41234."),
            Some(41234)
        );
        assert_eq!(started_on("Starting ChromeDriver 156.0 on port 0"), None);
    }
}
