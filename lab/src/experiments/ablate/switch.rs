//! The things that can be done worse.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A switch that makes one thing worse on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
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
        match self {
            Self::EagerLogs => "eager-logs",
            Self::PadToMax => "pad-to-max",
            Self::ConcatenatedCache => "concatenated-cache",
            Self::HostPick => "host-pick",
            Self::NoReplay => "no-replay",
            Self::ReadbackDepth => "readback-depth",
            Self::Worker => "worker",
            Self::Batch => "batch",
            Self::Overlay => "overlay",
        }
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

impl FromStr for Switch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|of| of.name() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("{text:?} is no switch; there are {names}")
        })
    }
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
