//! How far an experiment is, on a terminal, and Ctrl-C.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use llamaglass_lab::{Progress, Watch};

use crate::interrupt;
use crate::output::{stderr_is_terminal, visible};

/// How often the line is drawn anew where nothing happens.
const TICK: Duration = Duration::from_millis(200);
/// How long is slept without looking whether it is to stop.
const NAP: Duration = Duration::from_millis(20);

/// Who looks on at a terminal.
#[derive(Clone, Debug, Default)]
pub struct Onlooker {
    bar: Option<ProgressBar>,
    stop: Arc<AtomicBool>,
}

impl Onlooker {
    /// Listens for Ctrl-C from now on: the first ends the experiment, the second the program.
    ///
    /// # Errors
    /// Where the system does not allow it.
    pub fn install() -> Result<Self> {
        let onlooker = Self::default();
        let stop = Arc::clone(&onlooker.stop);
        ctrlc::set_handler(move || {
            if stop.swap(true, Ordering::Relaxed) {
                std::process::exit(interrupt::STATUS.into());
            }
        })
        .context("listening for Ctrl-C")?;
        Ok(onlooker)
    }

    /// The same with a line on stderr for the experiment called `name`; none where stderr is no terminal.
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

    /// Whether somebody pressed Ctrl-C.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Waits until somebody does.
    pub async fn stopped(&self) {
        while !self.is_stopped() {
            tokio::time::sleep(NAP).await;
        }
    }

    /// Takes the line away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Watch for Onlooker {
    fn told(&mut self, progress: Progress) {
        if let Some(bar) = &self.bar {
            bar.set_length(progress.total as u64);
            bar.set_position(progress.done as u64);
            bar.set_message(visible(&progress.what).into_owned());
        }
    }

    fn breathe(&mut self) -> impl Future<Output = bool> {
        std::future::ready(!self.is_stopped())
    }

    /// Holds its thread: nobody else is on an engine's.
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
