//! Chromium and its WebDriver server, for the tests in a real browser.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::apt;
use crate::machine;

/// Installs Chromium and chromedriver if they are missing.
pub fn ensure() -> Result<()> {
    if driver().is_some() && chromium().is_some() {
        return Ok(());
    }
    apt::ensure(
        &["chromium", "chromium-driver"],
        "Chromium and chromedriver",
    )
}

pub fn chromedriver() -> Result<PathBuf> {
    driver().context("chromedriver is not on PATH")
}

fn driver() -> Option<PathBuf> {
    env::var_os("CHROMEDRIVER")
        .map(PathBuf::from)
        .or_else(|| machine::find_program("chromedriver", Path::new("")))
}

fn chromium() -> Option<PathBuf> {
    [
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ]
    .iter()
    .find_map(|name| machine::find_program(name, Path::new("")))
}
