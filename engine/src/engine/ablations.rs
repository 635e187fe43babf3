//! What an engine does worse than it could, on purpose: each is a mistake that engines make, and shows what
//! it costs.

use serde::{Deserialize, Serialize};

/// What an engine does worse than it could, on purpose; by default nothing. Answers are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ablations {
    /// Log lines that are formatted in each step though nobody listens. Booked as `plan`.
    pub eager_logs: Option<EagerLogs>,
    /// Each prompt is computed as if it had so many ids, at most as many as the context has positions:
    /// rows behind its own, of which nothing is read, are computed before its first token. Requests are
    /// answered one at a time then. What is found in the cache is not computed, padded or not.
    pub pad_to: Option<usize>,
    /// Each decode step copies all that a request has in the KV cache to new memory before it adds a
    /// position. On the fast path that takes as many free blocks as the request has.
    pub concatenated_cache: bool,
    /// All logits are copied to the host, which picks, and the next step waits for that. On the fast path
    /// only: the reference path is like that.
    pub host_pick: bool,
    /// Decode steps are recorded anew each time, and not replayed. On the fast path only.
    pub no_replay: bool,
    /// How many steps are issued before the first of them is waited for, 1 to 4, instead of what was
    /// loaded. On the fast path only.
    pub readback_depth: Option<usize>,
}

/// How much is formatted for a log in each step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EagerLogs {
    /// So many lines.
    Lines(u32),
    /// Lines for so many milliseconds: a cost that is known beforehand.
    ForMs(f64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_not_done_worse() {
        let none: Ablations = serde_json::from_str("{}").expect("parses");
        assert_eq!(none, Ablations::default());
        let some = r#"{"eager_logs":{"for_ms":7.0},"pad_to":128}"#;
        let some: Ablations = serde_json::from_str(some).expect("parses");
        assert_eq!(some.eager_logs, Some(EagerLogs::ForMs(7.0)));
        assert_eq!((some.pad_to, some.host_pick), (Some(128), false));
    }
}
