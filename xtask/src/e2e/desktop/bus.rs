//! A D-Bus session bus, through which a second start of the program finds the first window.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::background::Background;

/// A private session bus that is stopped when this value is dropped.
pub struct Bus {
    /// Address of the bus, for `DBUS_SESSION_BUS_ADDRESS`.
    pub address: String,
    _program: Background,
}

impl Bus {
    /// Starts the bus.
    pub fn start() -> Result<Self> {
        let mut command = Command::new("dbus-daemon");
        command
            .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
            .stdout(Stdio::piped())
            // dbus-daemon reports services that a bare machine lacks.
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
