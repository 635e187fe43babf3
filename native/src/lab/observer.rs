//! Progress of an experiment on a terminal, and Ctrl-C.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use llamaglass_lab::{Observer, Progress};

use crate::interrupt;
use crate::output::{stderr_is_terminal, visible};

/// Interval of redrawing while nothing happens.
const TICK: Duration = Duration::from_millis(200);
/// Maximum time to sleep without checking for Ctrl-C.
const NAP: Duration = Duration::from_millis(20);

/// Progress display on a terminal, and the stop flag that Ctrl-C sets.
#[derive(Clone, Debug, Default)]
pub struct TerminalObserver {
    bar: Option<ProgressBar>,
    stop: Arc<AtomicBool>,
}

impl TerminalObserver {
    /// Handles Ctrl-C from now on: the first ends the experiment, the second the program.
    ///
    /// # Errors
    /// Fails if the system does not allow a handler.
    pub fn install() -> Result<Self> {
        let observer = Self::default();
        let stop = Arc::clone(&observer.stop);
        ctrlc::set_handler(move || {
            if stop.swap(true, Ordering::Relaxed) {
                std::process::exit(interrupt::STATUS.into());
            }
        })
        .context("listening for Ctrl-C")?;
        Ok(observer)
    }

    /// Returns a copy with a progress bar on stderr, labelled `name`; without a bar if stderr is not a terminal.
    pub fn showing(&self, name: &str) -> Self {
        let stop = Arc::clone(&self.stop);
        if !stderr_is_terminal() {
            return Self { bar: None, stop };
        }
        let bar = ProgressBar::new(0).with_prefix(name.to_owned());
        if let Ok(style) =
            ProgressStyle::with_template("{prefix:9} [{bar:24}] {pos}/{len} {msg}, {elapsed}")
        {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(TICK);
        Self {
            bar: Some(bar),
            stop,
        }
    }

    /// Returns true if Ctrl-C was pressed.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Waits until Ctrl-C is pressed.
    pub async fn stopped(&self) {
        while !self.is_stopped() {
            tokio::time::sleep(NAP).await;
        }
    }

    /// Removes the progress bar.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for TerminalObserver {
    fn notify(&mut self, progress: Progress) {
        if let Some(bar) = &self.bar {
            bar.set_length(progress.total as u64);
            bar.set_position(progress.done as u64);
            bar.set_message(visible(&progress.what).into_owned());
        }
    }

    fn yield_now(&mut self) -> impl Future<Output = bool> {
        std::future::ready(!self.is_stopped())
    }

    /// Blocks the thread, which is the engine's and has nothing else to do.
    fn sleep(&mut self, ms: f64) -> impl Future<Output = ()> {
        let mut left = Duration::from_secs_f64(ms.max(0.0) / 1e3);
        while !left.is_zero() && !self.is_stopped() {
            let nap = left.min(NAP);
            std::thread::sleep(nap);
            left -= nap;
        }
        std::future::ready(())
    }
}
