//! The list of experiments.

use std::fmt;

use llamaglass_types::unknown_name;
use serde::{Deserialize, Serialize};
use strum::VariantNames as _;

/// An experiment of the lab.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::VariantNames,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", parse_err_ty = String, parse_err_fn = unknown_experiment)]
pub enum Experiment {
    /// Token counts of a dataset's prompts and reference answers.
    Stats,
    /// The engine without any shell, over a dataset.
    Bare,
    /// The same prompt answered through one more layer at a time.
    Ladder,
    /// Open-loop load: requests arrive at a fixed rate whether or not earlier ones are answered.
    Load,
    /// Logits against a frozen reference, and token ids through the shell against those of the bare engine.
    Parity,
    /// Time of a request, span by span.
    Chain,
    /// The cost of making one thing worse at a time.
    Ablate,
    /// The share of waiting that queueing alone explains.
    Simulate,
    /// The request path cut short at each level.
    Stub,
    /// Time of each kernel in a step.
    Kernels,
}

impl Experiment {
    /// All experiments in the order in which they run; earlier results help to interpret later ones.
    pub const ALL: [Self; 10] = [
        Self::Stats,
        Self::Bare,
        Self::Ladder,
        Self::Load,
        Self::Parity,
        Self::Chain,
        Self::Ablate,
        Self::Simulate,
        Self::Stub,
        Self::Kernels,
    ];

    /// Returns the name used in commands, files and results.
    pub const fn name(self) -> &'static str {
        Self::VARIANTS[self as usize]
    }

    /// Returns the title shown to users.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Stats => "Lengths of the dataset",
            Self::Bare => "The bare engine",
            Self::Ladder => "Layer by layer",
            Self::Load => "Under load",
            Self::Parity => "The same answers",
            Self::Chain => "The call chain",
            Self::Ablate => "What each fix is worth",
            Self::Simulate => "What queueing explains",
            Self::Stub => "The path cut short",
            Self::Kernels => "Kernel by kernel",
        }
    }

    /// Returns the question that the experiment answers.
    pub const fn question(self) -> &'static str {
        match self {
            Self::Stats => "How many tokens do prompts and reference answers have?",
            Self::Bare => {
                "What does a token cost without a serving shell, and what does a request cost besides its tokens?"
            }
            Self::Ladder => "What does each layer around the engine add to a token?",
            Self::Load => "How long do answers take if requests do not wait for earlier ones?",
            Self::Parity => {
                "Do the logits match a frozen reference, and the tokens those of the bare engine?"
            }
            Self::Chain => "Where does the time of a request go, span by span?",
            Self::Ablate => "What does each mistake cost?",
            Self::Simulate => "How much of the waiting follows from the queue alone?",
            Self::Stub => "What does the request's path cost up to each level?",
            Self::Kernels => {
                "Which kernels take a step's time, and how close are they to what the device can do?"
            }
        }
    }
}

impl fmt::Display for Experiment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

fn unknown_experiment(name: &str) -> String {
    unknown_name::<Experiment>("experiment", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_the_same_in_commands_and_json() {
        for experiment in Experiment::ALL {
            assert_eq!(experiment.name().parse(), Ok(experiment));
            let json = serde_json::to_string(&experiment).expect("serialises");
            assert_eq!(json, format!("{:?}", experiment.name()));
        }
        assert!("loads".parse::<Experiment>().is_err());
    }
}
