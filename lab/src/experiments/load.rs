//! `load`: open-loop load, with requests at a fixed rate.

use serde::{Deserialize, Serialize};

use crate::arrivals::Arrivals;
use crate::finding::{Finding, Sentence};
use llamaglass_types::stats::{Distribution, Record};

/// Result of `load`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LoadData {
    /// Target of the requests: a server's address, or `engine`.
    pub target: String,
    /// Name of the dataset.
    pub dataset: String,
    /// One run per rate, in the order of the rates.
    pub runs: Vec<LoadRun>,
}

/// A run at one rate. Latencies count from when requests were due and cover only those with a complete answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LoadRun {
    /// Requests per second.
    pub qps: f64,
    /// Duration in seconds.
    pub duration_s: f64,
    /// Distribution of the gaps between requests.
    pub arrivals: Arrivals,
    /// True if answers were streamed.
    pub stream: bool,
    /// Number of planned requests: rate times duration, rounded down.
    pub requested: usize,
    /// Requests with a complete answer.
    pub completed: usize,
    /// Time from the first request's due time to the last one's end, in seconds.
    pub execution_s: Option<f64>,
    /// Tokens of all answers.
    pub tokens: usize,
    /// The study's figure: time after first tokens divided by all tokens, in milliseconds.
    pub ms_per_token: Option<f64>,
    /// Time to the first token, in milliseconds.
    pub ttft_ms: Option<Distribution>,
    /// Time to the end, in milliseconds.
    pub e2e_ms: Option<Distribution>,
    /// Time between tokens, in milliseconds.
    pub itl_ms: Option<Distribution>,
    /// Time in the queue before the first step, in milliseconds, on the server's or engine's clock.
    pub queue_ms: Option<Distribution>,
    /// Overhead of the client per answer, in milliseconds: the median time to a complete answer from a server that
    /// answers at once.
    pub client_floor_ms: Option<f64>,
    /// Error messages of requests without a complete answer, with their counts.
    pub errors: Vec<(String, usize)>,
}

impl LoadRun {
    /// Returns whether every request got a complete answer.
    pub const fn is_complete(&self) -> bool {
        self.completed == self.requested
    }

    /// Evaluates requests that an engine in this process answered: pairs of due time, in milliseconds on the
    /// engine's clock, and record.
    pub fn of_records(
        (qps, duration_s, arrivals): (f64, f64, Arrivals),
        answers: &[(f64, Record)],
    ) -> Self {
        let whole = || {
            let ended = answers.iter().filter(|(_, of)| of.finish_reason.is_some());
            ended.filter(|(_, of)| of.error.is_none())
        };
        let over = |figure: &dyn Fn(f64, &Record) -> Option<f64>| {
            let values: Vec<f64> = whole().filter_map(|(due, of)| figure(*due, of)).collect();
            Distribution::of(&values)
        };
        let gaps: Vec<f64> = whole().flat_map(|(_, of)| of.tpot_ms()).collect();
        let first = answers.iter().map(|(due, _)| *due).reduce(f64::min);
        let last = whole()
            .filter_map(|(_, of)| of.last_token_at_ms())
            .reduce(f64::max);
        let tokens = whole().map(|(_, of)| of.ids.len()).sum();
        let mut errors: Vec<(String, usize)> = Vec::new();
        for error in answers.iter().filter_map(|(_, of)| of.error.clone()) {
            match errors.iter_mut().find(|(words, _)| *words == error) {
                Some((_, count)) => *count += 1,
                None => errors.push((error, 1)),
            }
        }
        Self {
            qps,
            duration_s,
            arrivals,
            stream: true,
            requested: answers.len(),
            completed: whole().count(),
            execution_s: first.zip(last).map(|(first, last)| (last - first) / 1e3),
            tokens,
            ms_per_token: (tokens > 0).then(|| gaps.iter().sum::<f64>() / tokens as f64),
            ttft_ms: over(&|due, of| Some(of.first_token_at_ms()? - due)),
            e2e_ms: over(&|due, of| Some(of.last_token_at_ms()? - due)),
            itl_ms: Distribution::of(&gaps),
            queue_ms: over(&|_, of| of.queue_ms()),
            client_floor_ms: None,
            errors,
        }
    }
}

impl LoadData {
    /// Returns the result as sentences.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.runs.iter().enumerate().map(said).collect();
        let of_tail = |run: &LoadRun| run.e2e_ms.map(|of| of.p99);
        let ends = self.runs.first().zip(self.runs.last());
        let tails = ends.and_then(|(a, b)| of_tail(a).zip(of_tail(b)));
        if let Some((slow, fast)) = tails.filter(|_| self.runs.len() > 1) {
            let last = self.runs.len() - 1;
            let grown = Sentence::new("The 99th percentile of the total time is ")
                .number("/runs/0/e2e_ms/p99", slow)
                .text(" ms at the first rate and ")
                .number(format!("/runs/{last}/e2e_ms/p99"), fast)
                .end(" ms at the last.");
            findings.push(grown);
        }
        findings
    }
}

fn said((index, run): (usize, &LoadRun)) -> Finding {
    let at = |field: &str| format!("/runs/{index}/{field}");
    let sentence = Sentence::new("At ")
        .number(at("qps"), run.qps)
        .text(" requests per second, ")
        .number(at("completed"), run.completed as f64)
        .text(" of ")
        .number(at("requested"), run.requested as f64)
        .text(" were answered");
    let Some(((ttft, e2e), execution)) = run.ttft_ms.zip(run.e2e_ms).zip(run.execution_s) else {
        return sentence.end(".");
    };
    sentence
        .text(" in ")
        .number(at("execution_s"), execution)
        .text(" s: TTFT ")
        .number(at("ttft_ms/p50"), ttft.p50)
        .text(" ms, total ")
        .number(at("e2e_ms/p50"), e2e.p50)
        .end(" ms (medians).")
}

#[cfg(test)]
mod tests {
    use super::*;
    use llamaglass_types::event::FinishReason;
    use llamaglass_types::stats::testing;

    fn record(ends_ms: &[f64]) -> Record {
        Record {
            finish_reason: Some(FinishReason::Length),
            ..testing::record(ends_ms)
        }
    }

    #[test]
    fn load_run_matches_hand_computed_figures() {
        let failed = Record {
            error: Some("too long".into()),
            ..Record::default()
        };
        let answers = [
            (100.0, record(&[120.0, 130.0, 140.0])),
            (150.0, record(&[200.0, 260.0])),
            (160.0, failed),
        ];
        let run = LoadRun::of_records((2.0, 1.5, Arrivals::Constant), &answers);
        assert_eq!((run.requested, run.completed, run.tokens), (3, 2, 5));
        assert!(!run.is_complete());
        assert_eq!(run.execution_s, Some(0.16));
        // 10 + 10 + 60 ms over five tokens.
        assert_eq!(run.ms_per_token, Some(16.0));
        let of = |of: Option<Distribution>| of.map(|of| (of.p50, of.max));
        assert_eq!(of(run.ttft_ms), Some((35.0, 50.0)));
        assert_eq!(of(run.e2e_ms), Some((75.0, 110.0)));
        assert_eq!(run.errors, [("too long".to_owned(), 1)]);
    }
}
