//! A browser's driver: a program that speaks WebDriver and starts the browser.

use crate::background::Background;

/// A running driver that is stopped when this value is dropped.
pub struct Driver {
    /// Base URL of the driver.
    pub url: String,
    _program: Background,
}

impl Driver {
    /// Wraps a driver that listens on the port.
    pub fn new(program: Background, port: u16) -> Self {
        Self {
            url: format!("http://127.0.0.1:{port}"),
            _program: program,
        }
    }
}
