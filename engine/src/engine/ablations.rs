//! Ablations: deliberate inefficiencies that show what common mistakes in inference engines cost.

use serde::{Deserialize, Serialize};

/// Deliberate inefficiencies, all off by default. None changes an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ablations {
    /// Formats log lines in each step although nobody reads them. Booked as `plan`.
    pub eager_logs: Option<EagerLogs>,
    /// Pads each prompt to this many positions, at most the context length, and computes the padding before
    /// the first token. Requests then run one at a time. Positions found in the cache are not computed,
    /// padded or not.
    pub pad_to: Option<usize>,
    /// Copies everything that a request has in the KV cache to new memory before each decode step. On the
    /// fast path this needs as many free blocks as the request has.
    pub concatenated_cache: bool,
    /// Copies all logits to the host, which samples, and delays the next step until then. Fast path only: the
    /// reference path always works like that.
    pub host_pick: bool,
    /// Records each decode step anew instead of replaying it. Fast path only.
    pub no_replay: bool,
    /// Replaces the maximum number of steps in flight, 1 to 4. Fast path only.
    pub readback_depth: Option<usize>,
}

/// Amount of log lines to format per step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EagerLogs {
    /// Number of lines.
    Lines(u32),
    /// Milliseconds to spend on formatting lines, for a cost known in advance.
    ForMs(f64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_ablations_are_off() {
        let none: Ablations = serde_json::from_str("{}").expect("parses");
        assert_eq!(none, Ablations::default());
        let some = r#"{"eager_logs":{"for_ms":7.0},"pad_to":128}"#;
        let some: Ablations = serde_json::from_str(some).expect("parses");
        assert_eq!(some.eager_logs, Some(EagerLogs::ForMs(7.0)));
        assert_eq!((some.pad_to, some.host_pick), (Some(128), false));
    }
}
