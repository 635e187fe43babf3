//! Ablations: deliberate inefficiencies that show what common mistakes in inference engines cost.

use serde::{Deserialize, Serialize};

/// Maximum number of log lines per step.
const LINES_MAX: u32 = 100_000;
/// Maximum time for formatting log lines per step, in milliseconds.
const FOR_MS_MAX: f64 = 10_000.0;

/// Deliberate inefficiencies, all off by default. None changes an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ablations {
    /// Formats log lines for each step although nobody reads them. Booked as `plan`.
    pub eager_logs: Option<EagerLogs>,
    /// Pads each prompt to this many positions, at most the context length, and computes the padding in steps of
    /// its own before the prompt's last chunk. Requests then run one at a time. The time counts towards the step
    /// of that chunk.
    pub pad_to: Option<usize>,
    /// Copies everything that a sequence has in the KV cache to other memory before each decode step.
    pub concatenated_cache: bool,
    /// Copies all logits to the host, which samples, and delays the next step until then. GPU only: other
    /// executors always work like that.
    pub host_pick: bool,
    /// Encodes each decode step anew instead of replaying it. GPU only.
    pub no_replay: bool,
    /// Replaces the maximum number of steps in flight, 1 to 4. GPU only.
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

impl EagerLogs {
    /// Returns true if `lines` lines, which took `ms`, are enough.
    pub(super) fn are_enough(self, lines: u32, ms: f64) -> bool {
        match self {
            Self::Lines(most) => lines >= most,
            Self::ForMs(most) => ms >= most,
        }
    }

    /// Returns why the value is invalid, or `None`.
    pub(super) fn fault(self) -> Option<String> {
        match self {
            Self::Lines(lines) if lines > LINES_MAX => Some(format!(
                "{lines} lines a step are more than the {LINES_MAX} there may be"
            )),
            Self::ForMs(ms) if !(0.0..=FOR_MS_MAX).contains(&ms) => {
                Some(format!("{ms} ms a step are not within 0 to {FOR_MS_MAX}"))
            }
            _ => None,
        }
    }
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

    #[test]
    fn eager_logs_are_limited_in_lines_and_time() {
        for good in [
            EagerLogs::Lines(0),
            EagerLogs::Lines(LINES_MAX),
            EagerLogs::ForMs(0.0),
            EagerLogs::ForMs(7.0),
        ] {
            assert_eq!(good.fault(), None);
        }
        for bad in [
            EagerLogs::Lines(u32::MAX),
            EagerLogs::ForMs(f64::INFINITY),
            EagerLogs::ForMs(f64::NAN),
            EagerLogs::ForMs(-1.0),
        ] {
            assert!(bad.fault().is_some(), "{bad:?}");
        }
    }
}
