//! `ablate`: the cost of making one thing worse at a time, measured in pairs.

mod pairs;
mod switch;

pub use pairs::pairs;
pub use switch::Switch;

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Sentence};
use crate::measure::Difference;

/// Default number of log lines that each step formats with [`Switch::EagerLogs`].
pub const LOG_LINES: u32 = 200;

/// Settings of `ablate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AblateSettings {
    /// Prompt tokens per request.
    pub prompt_tokens: usize,
    /// Answer tokens per request.
    pub gen_tokens: usize,
    /// Number of pairs per switch.
    pub repeats: usize,
    /// Seed of the prompts' token ids.
    pub seed: u64,
    /// Log lines formatted per step.
    pub log_lines: u32,
    /// Positions that prompts are padded to; the context length if this is null.
    pub pad_to: Option<usize>,
}

/// Result of `ablate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AblateData {
    /// Settings of the run.
    pub ablate: AblateSettings,
    /// Effect of each switch, the largest cost per request first.
    pub switches: Vec<AblationEffect>,
    /// Switches that are not available here, with the reason.
    pub left_out: Vec<(Switch, String)>,
}

/// Cost of one thing done worse. Times are milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AblationEffect {
    /// The switch.
    pub switch: Switch,
    /// Description of what is done worse, with its size.
    pub changes: String,
    /// Time to the first token: prefill and the fixed cost of a request.
    pub per_request_ms: Difference,
    /// Time per token after the first.
    pub per_token_ms: Option<Difference>,
    /// Time of the complete request.
    pub whole_ms: Difference,
    /// True if both arms of every pair sampled the same token ids.
    pub same_answers: bool,
}

/// Times of one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timed {
    /// Time to the first token, in milliseconds.
    pub ttft_ms: f64,
    /// Time from the first token to the last, in milliseconds.
    pub rest_ms: f64,
    /// Sampled token ids.
    pub ids: Vec<u32>,
}

impl AblationEffect {
    /// Compares pairs of requests, without `switch` and with it; `None` without finite pairs.
    pub fn of(switch: Switch, changes: String, pairs: &[[Timed; 2]]) -> Option<Self> {
        let difference = |of: &dyn Fn(&Timed) -> Option<f64>| {
            let pairs = pairs.iter().filter_map(|[a, b]| Some([of(a)?, of(b)?]));
            Difference::of(&pairs.collect::<Vec<[f64; 2]>>())
        };
        Some(Self {
            switch,
            changes,
            per_request_ms: difference(&|timed| Some(timed.ttft_ms))?,
            per_token_ms: difference(&|timed| {
                let gaps = timed.ids.len().checked_sub(1).filter(|gaps| *gaps > 0)?;
                Some(timed.rest_ms / gaps as f64)
            }),
            whole_ms: difference(&|timed| Some(timed.ttft_ms + timed.rest_ms))?,
            same_answers: pairs.iter().all(|[a, b]| a.ids == b.ids),
        })
    }
}

impl AblateData {
    /// Sorts `switches` by the cost of a request, largest first.
    pub fn of(
        ablate: AblateSettings,
        switches: Vec<AblationEffect>,
        left_out: Vec<(Switch, String)>,
    ) -> Self {
        let mut data = Self {
            ablate,
            switches,
            left_out,
        };
        data.sort();
        data
    }

    /// Adds the effect of a switch.
    pub fn add(&mut self, effect: AblationEffect) {
        self.switches.push(effect);
        self.sort();
    }

    fn sort(&mut self) {
        let cost = |of: &AblationEffect| of.whole_ms.difference.median;
        self.switches.sort_by(|a, b| cost(b).total_cmp(&cost(a)));
    }

    /// Returns the result as sentences.
    pub fn findings(&self) -> Vec<Finding> {
        let said = |(index, of): (usize, &AblationEffect)| {
            let name = of.switch.title();
            if !of.whole_ms.is_certain() {
                let text = format!("{name}: {}.", of.whole_ms.verdict.words());
                return Sentence::default().end(&text);
            }
            let (at, whole) = (format!("/switches/{index}"), &of.whole_ms.difference);
            let sentence = Sentence::new(&format!("{name}: "))
                .number(format!("{at}/whole_ms/difference/median"), whole.median)
                .text(" ms/request")
                .interval(&format!("{at}/whole_ms/difference"), whole);
            match of.per_token_ms.as_ref().filter(|of| of.is_certain()) {
                Some(Difference { difference, .. }) => sentence
                    .text(", ")
                    .number(
                        format!("{at}/per_token_ms/difference/median"),
                        difference.median,
                    )
                    .end(" ms/token after the first."),
                None => sentence.end("."),
            }
        };
        self.switches.iter().enumerate().map(said).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Verdict;

    fn timed(ttft_ms: f64, rest_ms: f64) -> Timed {
        Timed {
            ttft_ms,
            rest_ms,
            ids: vec![1, 2, 3, 4, 5],
        }
    }

    #[test]
    fn prefill_cost_does_not_count_as_token_cost() {
        let pair = |noise: f64| {
            [
                timed(74.0 + noise, 100.0),
                timed(385.0 + noise, 100.0 - noise),
            ]
        };
        let pairs = [0.0, 3.0, -2.0, 1.0].map(pair);
        let of = AblationEffect::of(Switch::PadToMax, "to 4096".into(), &pairs).expect("pairs");
        assert!((of.per_request_ms.difference.median - 311.0).abs() < 1e-9);
        let per_token = of.per_token_ms.as_ref().expect("five tokens");
        assert_eq!(per_token.without.median, 25.0);
        assert_eq!(per_token.verdict, Verdict::NoDifferenceMeasured);
        assert!(of.same_answers);
    }
}
