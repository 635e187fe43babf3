//! State of the engine as the page knows it; pure.

use llamaglass_lab::LoadedModel;
use llamaglass_types::{LoadPhase, LoadProgress};

use crate::server::ServerModel;

/// Minimum duration, in seconds, over which a rate is computed; a shorter one makes the rate jump.
const MIN_RATE_S: f64 = 0.25;

/// State of the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum Engine {
    /// Starting.
    Starting,
    /// Running without a model.
    Empty,
    /// Loading a model.
    Loading(Load),
    /// Ready to answer.
    Loaded(Loaded),
    /// Crashed, with this message.
    Crashed(String),
}

/// The model that answers requests.
#[derive(Clone, Debug, PartialEq)]
pub enum Loaded {
    /// A model in the page's own engine, with all its details.
    Engine(Box<LoadedModel>),
    /// A model on a server, with the details that the server reports.
    Server(Box<ServerModel>),
}

impl Loaded {
    /// Returns the model's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Engine(info) => &info.name,
            Self::Server(server) => &server.model.id,
        }
    }

    /// Returns the length of the context in positions, if it is known.
    pub fn context_length(&self) -> Option<usize> {
        match self {
            Self::Engine(info) => Some(info.context_length),
            Self::Server(server) => server.model.context_length,
        }
    }
}

/// Progress of a load.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Name of the model, or of its first file.
    pub name: String,
    /// Progress within the current phase.
    pub progress: Option<LoadProgress>,
    /// Start of the phase in milliseconds on the page's clock.
    phase_start_ms: f64,
    /// Amount of the phase that was done at its start, for instance bytes downloaded by an earlier visit.
    phase_start_done: u64,
    /// Average rate of the phase in bytes per second, if the phase counts bytes.
    pub bytes_per_s: Option<f64>,
}

impl Load {
    /// Starts a load of the model `name`.
    pub const fn new(name: String) -> Self {
        Self {
            name,
            progress: None,
            phase_start_ms: 0.0,
            phase_start_done: 0,
            bytes_per_s: None,
        }
    }

    /// Updates the progress and the rate at `now_ms` on the page's clock.
    pub fn advance(&mut self, progress: LoadProgress, now_ms: f64) {
        if self
            .progress
            .is_none_or(|last| last.phase != progress.phase)
        {
            self.phase_start_ms = now_ms;
            self.phase_start_done = progress.done;
            self.bytes_per_s = None;
        }
        let seconds = (now_ms - self.phase_start_ms) / 1000.0;
        let done = progress.done.saturating_sub(self.phase_start_done);
        let counts_bytes = matches!(progress.phase, LoadPhase::Download | LoadPhase::Upload);
        if counts_bytes && seconds >= MIN_RATE_S && done > 0 {
            self.bytes_per_s = Some(done as f64 / seconds);
        }
        self.progress = Some(progress);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(phase: LoadPhase, done: u64) -> LoadProgress {
        LoadProgress {
            phase,
            done,
            total: 100,
        }
    }

    #[test]
    fn rate_excludes_bytes_downloaded_earlier() {
        let mut load = Load::new("m".into());
        load.advance(at(LoadPhase::Download, 50), 1000.0);
        assert_eq!(load.bytes_per_s, None);
        load.advance(at(LoadPhase::Download, 70), 3000.0);
        assert_eq!(load.bytes_per_s, Some(10.0));
    }

    #[test]
    fn rate_restarts_per_phase_and_is_none_for_steps() {
        let mut load = Load::new("m".into());
        load.advance(at(LoadPhase::Download, 0), 0.0);
        load.advance(at(LoadPhase::Download, 100), 1000.0);
        load.advance(at(LoadPhase::Parse, 0), 1000.0);
        load.advance(at(LoadPhase::Parse, 2), 2000.0);
        assert_eq!(load.bytes_per_s, None);
    }
}
