//! A message bus, through which a second start finds the first window.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::background::Background;

/// A session bus of our own, ended with this value.
pub struct Bus {
    /// Where programs find it.
    pub address: String,
    _program: Background,
}

impl Bus {
    /// Starts it.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn start() -> Result<Self> {
        let mut command = Command::new("dbus-daemon");
        command
            .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
            .stdout(Stdio::piped())
            // It tells of services that a bare machine has not.
            .stderr(Stdio::null());
        let mut program = Background::start(&mut command)?;
        let output = program.process().stdout.take();
        let address = BufReader::new(output.context("dbus-daemon has no output")?)
            .lines()
            .map_while(Result::ok)
            .next()
            .context("dbus-daemon did not start")?;
        Ok(Self {
            address,
            _program: program,
        })
    }
}
