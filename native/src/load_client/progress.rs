//! Progress of a run on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::run::Counts;
use crate::output::stderr_is_terminal;

/// Interval of redrawing while nothing happens.
const TICK: Duration = Duration::from_millis(200);

/// A progress bar on stderr; nothing if stderr is not a terminal.
#[derive(Debug)]
pub struct RunBar(Option<ProgressBar>);

impl RunBar {
    /// Creates the bar of a run of `requests`, labelled `name`.
    pub fn new(name: &str, requests: usize) -> Self {
        if !stderr_is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new(requests as u64).with_prefix(name.to_owned());
        let template = "{prefix} [{bar:24}] {pos}/{len} ended, {msg}, {elapsed}, about {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message("waiting to start");
        bar.enable_steady_tick(TICK);
        Self(Some(bar))
    }

    /// Draws the run's progress.
    pub fn update(&self, counts: Counts) {
        let Some(bar) = &self.0 else { return };
        if counts.sent == 1 && counts.running() == 1 {
            // The time before the first request went into measuring the client.
            bar.reset_elapsed();
        }
        bar.set_position((counts.completed + counts.failed) as u64);
        bar.set_message(format!(
            "{} sent, {} running, {} failed",
            counts.sent,
            counts.running(),
            counts.failed
        ));
    }
}

impl Drop for RunBar {
    fn drop(&mut self) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}
