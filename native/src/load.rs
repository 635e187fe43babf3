//! Load progress on a terminal, and a description of the loaded model.

use llamaglass_lab::StubLevel;
use std::borrow::Cow;

use indicatif::{ProgressBar, ProgressStyle};
use llamaglass_engine::{BackendInfo, LoadPhase, LoadProgress, ModelInfo};
use llamaglass_report::bytes;

use crate::output::{note, stderr_is_terminal, visible};

/// Progress bars on stderr, one per load phase; none if stderr is not a terminal.
#[derive(Debug, Default)]
pub struct LoadBars {
    current: Option<(LoadPhase, ProgressBar)>,
}

impl LoadBars {
    /// Draws the load's progress.
    pub fn update(&mut self, progress: LoadProgress) {
        if !stderr_is_terminal() {
            return;
        }
        let LoadProgress { phase, done, total } = progress;
        if self
            .current
            .as_ref()
            .is_none_or(|(current, _)| *current != phase)
        {
            self.finish();
            self.current = Some((phase, bar(phase, total)));
        }
        if let Some((_, bar)) = &self.current {
            bar.set_length(total);
            bar.set_position(done);
        }
    }

    /// Removes the current bar.
    pub fn finish(&mut self) {
        if let Some((_, bar)) = self.current.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for LoadBars {
    fn drop(&mut self) {
        self.finish();
    }
}

fn bar(phase: LoadPhase, total: u64) -> ProgressBar {
    let counts = match phase {
        LoadPhase::Download | LoadPhase::Upload => "{bytes}/{total_bytes} {bytes_per_sec}",
        LoadPhase::Parse | LoadPhase::Compile => "{pos}/{len}",
    };
    let template = format!("{{prefix:>8}} [{{bar:32}}] {counts}");
    let bar = ProgressBar::new(total).with_prefix(Cow::Borrowed(phase.name()));
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// Returns one line that describes the backend, adapter and driver.
pub fn backend_line(info: &BackendInfo) -> String {
    let software = if info.software && info.api != "CPU" {
        ", a program on the CPU"
    } else {
        ""
    };
    let driver = if info.driver.is_empty() {
        String::new()
    } else {
        format!(", driver {}", info.driver)
    };
    let name = info.backend.name();
    let cpu = info.describe_cpu().map(|cpu| format!(", {cpu}"));
    format!(
        "{name} ({}{}) on {}{driver}{software}",
        info.api,
        cpu.unwrap_or_default(),
        info.adapter
    )
}

/// Prints the loaded model, its backend and the load time on stderr.
pub fn announce(label: &str, info: &ModelInfo, stub: StubLevel) {
    note(&format!(
        "model    {}: {}, {}, {} on the device, context {}",
        visible(label),
        info.format,
        info.quantisation,
        bytes(info.memory.total()),
        info.context_length
    ));
    let variant = info.variant.map(|variant| format!(" ({variant})"));
    note(&format!(
        "backend  {}, {} path{}",
        backend_line(&info.backend),
        info.path.name(),
        variant.unwrap_or_default()
    ));
    if let Some(reason) = &info.backend.fallback_reason {
        note(&format!("         no GPU is used: {reason}"));
    }
    if stub != StubLevel::Whole {
        let place = stub.place();
        note(&format!(
            "stub     level {stub}: the path of requests ends {place}"
        ));
    }
    let parts = info.load.parts.iter();
    let parts = parts.map(|part| format!("{} {:.0}", part.span.name(), part.busy_ms));
    let parts: Vec<String> = parts.collect();
    note(&format!(
        "loaded   in {:.0} ms: {} (those that go on at once overlap)",
        info.load.total_ms(),
        parts.join(", ")
    ));
}

/// Returns the model's own name, or `label` if it has none.
pub fn display_name(info: &ModelInfo, label: &str) -> String {
    info.config.name.clone().unwrap_or_else(|| label.to_owned())
}
