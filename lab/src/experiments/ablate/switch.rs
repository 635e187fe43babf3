//! The things that can be done worse.

use llamaglass_types::unknown_name;
use serde::{Deserialize, Serialize};
use strum::VariantNames as _;

/// A switch that makes one thing worse on purpose.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::VariantNames,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = String, parse_err_fn = unknown_switch)]
pub enum Switch {
    /// Log lines are formatted although nobody reads them.
    EagerLogs,
    /// Prompts are padded.
    PadToMax,
    /// The KV cache is copied for every token.
    ConcatenatedCache,
    /// The host samples from all logits.
    HostPick,
    /// Steps are recorded anew instead of replayed.
    NoReplay,
    /// Two steps are in flight instead of one, or one instead of several.
    ReadbackDepth,
    /// Requests come from another thread than the engine's, or from outside its worker.
    Worker,
    /// Requests are answered one after the other instead of as a batch.
    Batch,
    /// The page draws the timing of every token.
    Overlay,
}

impl Switch {
    /// All switches.
    pub const ALL: [Self; 9] = [
        Self::EagerLogs,
        Self::PadToMax,
        Self::ConcatenatedCache,
        Self::HostPick,
        Self::NoReplay,
        Self::ReadbackDepth,
        Self::Worker,
        Self::Batch,
        Self::Overlay,
    ];

    /// Returns the name used in commands and results.
    pub const fn name(self) -> &'static str {
        Self::VARIANTS[self as usize]
    }

    /// Returns the title shown to users.
    pub const fn title(self) -> &'static str {
        match self {
            Self::EagerLogs => "Eager log formatting",
            Self::PadToMax => "Prompts padded to the longest",
            Self::ConcatenatedCache => "KV cache concatenated",
            Self::HostPick => "All logits read back",
            Self::NoReplay => "Steps recorded for every token",
            Self::ReadbackDepth => "Different readback depth",
            Self::Worker => "Requests from another thread",
            Self::Batch => "One request at a time",
            Self::Overlay => "Timing overlay shown",
        }
    }
}

fn unknown_switch(name: &str) -> String {
    unknown_name::<Switch>("switch", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switch_name_is_the_same_in_commands_and_json() {
        for switch in Switch::ALL {
            assert_eq!(switch.name().parse(), Ok(switch));
            let json = serde_json::to_string(&switch).expect("serialises");
            assert_eq!(json, format!("{:?}", switch.name()));
        }
        assert!("logs".parse::<Switch>().is_err());
    }
}
