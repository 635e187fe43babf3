//! Child processes that run in the background.

use std::process::{Child, Command};

use anyhow::{Context as _, Result};

use crate::command;

/// A child process that is killed when this value is dropped.
pub struct Background(Child);

impl Background {
    /// Starts the command as a child process.
    pub fn start(command: &mut Command) -> Result<Self> {
        let shown = command::shown(command);
        let child = command
            .spawn()
            .with_context(|| format!("could not start: {shown}"))?;
        Ok(Self(child))
    }

    /// Returns the child process, for access to its streams.
    pub fn process(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // The process may have exited already. Errors are ignored, because a destructor can't report them.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}
