//! Segments of a step's bar: the stages of the engine, and the time that none accounts for.

use llamaglass_types::timing::{Stage, StepTiming};

/// A segment of a step's bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// A stage of the engine.
    Stage(Stage),
    /// Wall time that no stage accounts for.
    Unaccounted,
}

impl Segment {
    /// All segments, from the bottom up.
    pub const ALL: [Self; 5] = [
        Self::Stage(Stage::Preprocess),
        Self::Stage(Stage::Forward),
        Self::Stage(Stage::Sampling),
        Self::Stage(Stage::Text),
        Self::Unaccounted,
    ];

    /// Returns the segment's name in styles and test hooks.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stage(stage) => stage.name(),
            Self::Unaccounted => "rest",
        }
    }

    /// Returns the segment's label on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unaccounted => "unaccounted",
            segment => segment.name(),
        }
    }

    /// Returns one line of help.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Stage(Stage::Preprocess) => {
                "Scheduling, and writing token ids and positions to the device"
            }
            Self::Stage(Stage::Forward) => {
                "The model: issuing its operations and waiting for the device"
            }
            Self::Stage(Stage::Sampling) => {
                "Sampling the token (on the device if it can) and copying it to the host"
            }
            Self::Stage(Stage::Text) => "Converting the token to text and building the event",
            Self::Stage(Stage::Request) => "Work done once per request",
            Self::Unaccounted => "Wall time that no stage accounts for",
        }
    }

    /// Returns the segment's milliseconds in a step. If the device samples and times itself, the engine books that
    /// time as forward, because the host waits for it there; here it counts as sampling.
    pub fn ms(self, timing: &StepTiming) -> f64 {
        let on_device = timing.device.map_or(0.0, |device| {
            device.sampling_ms.min(timing.stage(Stage::Forward))
        });
        match self {
            Self::Stage(Stage::Forward) => timing.stage(Stage::Forward) - on_device,
            Self::Stage(Stage::Sampling) => timing.stage(Stage::Sampling) + on_device,
            Self::Stage(stage) => timing.stage(stage),
            Self::Unaccounted => timing.residue_ms(),
        }
    }
}
