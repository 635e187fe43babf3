//! Ctrl-C: aborts the current answer, or ends the program if there is none.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use llamaglass_driver::EngineHandle;
use llamaglass_engine::event::RequestId;

/// Exit status that shells report for a program ended by Ctrl-C.
pub const STATUS: u8 = 130;

type Target = Arc<Mutex<Option<(EngineHandle, RequestId)>>>;

/// Translates Ctrl-C into aborts.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    target: Target,
}

impl Interrupt {
    /// Handles Ctrl-C from now on.
    pub fn install() -> Result<Self> {
        let interrupt = Self::default();
        let target = Arc::clone(&interrupt.target);
        let handler = move || match lock(&target).take() {
            Some((engine, request)) if engine.abort(request).is_ok() => {}
            _ => std::process::exit(STATUS.into()),
        };
        ctrlc::set_handler(handler).context("listening for Ctrl-C")?;
        Ok(interrupt)
    }

    /// Lets the next Ctrl-C abort `request`, until the guard is dropped.
    pub fn aborts(&self, engine: EngineHandle, request: RequestId) -> Guard<'_> {
        *lock(&self.target) = Some((engine, request));
        Guard(self)
    }
}

/// While this guard lives, Ctrl-C aborts an answer.
#[derive(Debug)]
pub struct Guard<'a>(&'a Interrupt);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        *lock(&self.0.target) = None;
    }
}

fn lock(target: &Target) -> MutexGuard<'_, Option<(EngineHandle, RequestId)>> {
    target.lock().unwrap_or_else(PoisonError::into_inner)
}
