//! Programs that run beside us.

use std::process::{Child, Command};

use anyhow::{Context as _, Result};

use crate::command;

/// A program that is ended with this value.
pub struct Background(Child);

impl Background {
    /// Starts it.
    ///
    /// # Errors
    /// Where it can't be started.
    pub fn start(command: &mut Command) -> Result<Self> {
        let shown = command::shown(command);
        let child = command
            .spawn()
            .with_context(|| format!("could not start: {shown}"))?;
        Ok(Self(child))
    }

    /// The process, for its streams.
    pub fn process(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody left to tell.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}
