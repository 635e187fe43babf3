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

    /// Evaluates the requests of one run. Answers in pieces of text have no time between tokens.
    pub fn of_samples(plan: LoadPlan, samples: &[LoadSample]) -> Self {
        let LoadPlan {
            qps,
            duration_s,
            arrivals,
        } = plan;
        let complete = || samples.iter().filter(|sample| sample.is_complete());
        let over = |figure: &dyn Fn(&LoadSample) -> Option<f64>| {
            Distribution::of(&complete().filter_map(figure).collect::<Vec<f64>>())
        };
        let tokens = complete().filter_map(|sample| sample.tokens).sum::<usize>();
        let counted = complete().all(|sample| sample.tokens.is_some());
        let decode_ms: f64 = complete().flat_map(LoadSample::gaps).sum();
        let gaps = complete().filter(|sample| sample.are_tokens);
        let gaps: Vec<f64> = gaps.flat_map(LoadSample::gaps).collect();
        let first = samples.iter().map(|sample| sample.due_ms).reduce(f64::min);
        let last = complete()
            .filter_map(|sample| sample.end_ms)
            .reduce(f64::max);
        let mut errors: Vec<(String, usize)> = Vec::new();
        for sample in samples.iter().filter(|sample| !sample.is_complete()) {
            let error = sample.error.as_deref().unwrap_or("the answer has no end");
            match errors.iter_mut().find(|(message, _)| message == error) {
                Some((_, count)) => *count += 1,
                None => errors.push((error.to_owned(), 1)),
            }
        }
        Self {
            qps,
            duration_s,
            arrivals,
            stream: true,
            requested: samples.len(),
            completed: complete().count(),
            execution_s: first.zip(last).map(|(first, last)| (last - first) / 1e3),
            tokens,
            ms_per_token: (counted && tokens > 0).then(|| decode_ms / tokens as f64),
            ttft_ms: over(&|sample| Some(sample.arrivals_ms.first()? - sample.due_ms)),
            e2e_ms: over(&|sample| Some(sample.end_ms? - sample.due_ms)),
            itl_ms: Distribution::of(&gaps),
            queue_ms: over(&|sample| sample.queue_ms),
            client_floor_ms: None,
            errors,
        }
    }
}

/// Planned load of one run.
#[derive(Clone, Copy, Debug)]
pub struct LoadPlan {
    /// Requests per second.
    pub qps: f64,
    /// Duration in seconds.
    pub duration_s: f64,
    /// Distribution of the gaps between requests.
    pub arrivals: Arrivals,
}

/// Outcome of a request, in milliseconds of one clock.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadSample {
    /// Time at which the request was due.
    pub due_ms: f64,
    /// Arrival time of each token, or of each piece of text.
    pub arrivals_ms: Vec<f64>,
    /// Arrival time of the answer's end.
    pub end_ms: Option<f64>,
    /// Tokens of the answer, if the engine or server counted them.
    pub tokens: Option<usize>,
    /// True if [`arrivals_ms`](Self::arrivals_ms) are times of tokens. A piece of text has an unknown number of
    /// tokens.
    pub are_tokens: bool,
    /// Time in the queue before the first step, if reported.
    pub queue_ms: Option<f64>,
    /// Reason why the answer is incomplete.
    pub error: Option<String>,
}

impl LoadSample {
    /// Creates the sample of a request that an engine in this process answered, on the engine's clock.
    pub fn of_record(due_ms: f64, record: &Record) -> Self {
        let end_ms = record.last_token_at_ms();
        Self {
            due_ms,
            arrivals_ms: record.token_times_ms(),
            end_ms: end_ms.filter(|_| record.finish_reason.is_some()),
            tokens: Some(record.ids.len()),
            are_tokens: true,
            queue_ms: record.queue_ms(),
            error: record.error.clone(),
        }
    }

    fn is_complete(&self) -> bool {
        self.end_ms.is_some() && self.error.is_none()
    }

    fn gaps(&self) -> impl Iterator<Item = f64> + '_ {
        self.arrivals_ms.windows(2).map(|pair| pair[1] - pair[0])
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

    fn plan(arrivals: Arrivals) -> LoadPlan {
        LoadPlan {
            qps: 2.0,
            duration_s: 1.5,
            arrivals,
        }
    }

    #[test]
    fn load_run_matches_hand_computed_figures() {
        let failed = Record {
            error: Some("too long".into()),
            ..Record::default()
        };
        let samples = [
            LoadSample::of_record(100.0, &record(&[120.0, 130.0, 140.0])),
            LoadSample::of_record(150.0, &record(&[200.0, 260.0])),
            LoadSample::of_record(160.0, &failed),
        ];
        let run = LoadRun::of_samples(plan(Arrivals::Constant), &samples);
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

    #[test]
    fn text_pieces_do_not_count_as_tokens() {
        let sample = LoadSample {
            arrivals_ms: vec![10.0, 30.0],
            end_ms: Some(31.0),
            ..LoadSample::default()
        };
        let run = LoadRun::of_samples(plan(Arrivals::Poisson), &[sample]);
        assert_eq!(
            (run.completed, run.itl_ms, run.ms_per_token),
            (1, None, None)
        );
        assert!(run.ttft_ms.is_some());
    }
}
