//! A virtual display.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::super::webdriver::WindowSize;
use super::framebuffer;
use crate::background::Background;

/// Width, height and depth of the screen.
const SCREEN: &str = "1280x860x24";

/// An Xvfb that is stopped when this value is dropped.
pub struct Display {
    /// Value of `DISPLAY` for programs, such as `:3`.
    pub name: String,
    _program: Background,
    /// Folder with its framebuffer.
    folder: TempDir,
}

impl Display {
    /// Starts a display with a free number.
    pub fn start() -> Result<Self> {
        let folder = tempfile::tempdir().context("no folder for a display")?;
        let mut command = Command::new("Xvfb");
        command
            .args(["-displayfd", "1", "-screen", "0", SCREEN])
            .args(["-nolisten", "tcp", "-fbdir"])
            .arg(folder.path())
            .stdout(Stdio::piped())
            // Xvfb warns about keyboards without keys.
            .stderr(Stdio::null());
        let mut program = Background::start(&mut command)?;
        let output = program.process().stdout.take();
        let number = BufReader::new(output.context("Xvfb has no output")?)
            .lines()
            .map_while(Result::ok)
            .next()
            .context("Xvfb did not start")?;
        Ok(Self {
            name: format!(":{number}"),
            _program: program,
            folder,
        })
    }

    /// Writes the screen to the file as a PNG, cropped to `size` from the upper left corner.
    pub fn picture(&self, file: &Path, size: Option<WindowSize>) -> Result<()> {
        framebuffer::to_png(&self.folder.path().join("Xvfb_screen0"), file, size)
    }
}
