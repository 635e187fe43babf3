//! Compares a result with an earlier one.

use serde::{Deserialize, Serialize};

use super::report::BenchReport;
use llamaglass_types::stats::Range;

/// Comparison of a result with an earlier one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Comparison {
    /// Settings that differ between the two, which may explain a ratio.
    pub differs: Vec<String>,
    /// Ratio of prompt tokens per second.
    pub prefill: Option<Ratio>,
    /// Ratio of tokens per second after the first.
    pub decode: Option<Ratio>,
}

/// This result's rate divided by the earlier one's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// Ratio of the medians.
    pub of_medians: f64,
    /// The slowest run divided by the earlier result's fastest.
    pub least: f64,
    /// The fastest run divided by the earlier result's slowest.
    pub most: f64,
}

impl Ratio {
    fn of(now: Option<Range>, before: Option<Range>) -> Option<Self> {
        let (now, before) = (now?, before?);
        Some(Self {
            of_medians: now.median / before.median,
            least: now.min / before.max,
            most: now.max / before.min,
        })
    }

    /// Returns true if all runs were faster than all earlier ones, or all were slower.
    pub const fn is_certain(&self) -> bool {
        self.least > 1.0 || self.most < 1.0
    }
}

impl Comparison {
    /// Compares `now` with `before`.
    pub fn new(now: &BenchReport, before: &BenchReport) -> Self {
        let mut differs = Vec::new();
        let mut check = |name: &str, now: &dyn ToString, before: &dyn ToString| {
            let (now, before) = (now.to_string(), before.to_string());
            if now != before {
                differs.push(format!("{name}: {now}, before {before}"));
            }
        };
        check("model", &now.model, &before.model);
        check("quantisation", &now.quantisation, &before.quantisation);
        check("backend", &now.backend, &before.backend);
        check("adapter", &now.adapter, &before.adapter);
        check("driver", &now.driver, &before.driver);
        check("path", &now.path, &before.path);
        check("stub level", &now.stub, &before.stub);
        let (a, b) = (&now.settings, &before.settings);
        check("prompt tokens", &a.prompt_tokens, &b.prompt_tokens);
        check("generated tokens", &a.gen_tokens, &b.gen_tokens);
        check("context", &a.context_length, &b.context_length);
        check("KV cache", &a.kv.name(), &b.kv.name());
        Self {
            differs,
            prefill: Ratio::of(now.prefill_tok_s, before.prefill_tok_s),
            decode: Ratio::of(now.decode_tok_s, before.decode_tok_s),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn range(min: f64, median: f64, max: f64) -> Option<Range> {
        Some(Range { min, median, max })
    }

    #[test]
    fn overlapping_runs_are_not_certain() {
        let faster = Ratio::of(range(30.0, 33.0, 36.0), range(10.0, 11.0, 15.0)).expect("both");
        assert_eq!((faster.of_medians, faster.least), (3.0, 2.0));
        assert!(faster.is_certain());
        let unclear = Ratio::of(range(9.0, 12.0, 13.0), range(10.0, 11.0, 15.0)).expect("both");
        assert!(!unclear.is_certain());
        assert_eq!(Ratio::of(None, range(1.0, 1.0, 1.0)), None);
    }
}
