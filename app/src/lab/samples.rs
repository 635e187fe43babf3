//! Outcomes of requests, timed by the page's clock; pure.

use llamaglass_lab::Arrivals;
use llamaglass_lab::experiments::load::LoadRun;
use llamaglass_types::stats::Distribution;

/// Outcome of a request. Times are milliseconds of the page's clock.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Time at which the request was due.
    pub due_ms: f64,
    /// Arrival time of each token, or of each piece of text.
    pub heard_ms: Vec<f64>,
    /// Arrival time of the answer's end.
    pub end_ms: Option<f64>,
    /// Tokens of the answer, if the engine or server counted them.
    pub tokens: Option<usize>,
    /// True if [`heard_ms`](Self::heard_ms) are times of tokens. A piece of text has an unknown number of tokens.
    pub are_tokens: bool,
    /// Time in the queue before the first step, if reported.
    pub queue_ms: Option<f64>,
    /// Reason why the answer is incomplete.
    pub error: Option<String>,
}

impl Sample {
    fn is_whole(&self) -> bool {
        self.end_ms.is_some() && self.error.is_none()
    }

    fn gaps(&self) -> impl Iterator<Item = f64> + '_ {
        self.heard_ms.windows(2).map(|pair| pair[1] - pair[0])
    }
}

/// Summarises `samples` as one run. Answers in pieces of text have no inter-token latency.
pub fn load_run((qps, duration_s, arrivals): (f64, f64, Arrivals), samples: &[Sample]) -> LoadRun {
    let whole = || samples.iter().filter(|sample| sample.is_whole());
    let over = |figure: &dyn Fn(&Sample) -> Option<f64>| {
        Distribution::of(&whole().filter_map(figure).collect::<Vec<f64>>())
    };
    let tokens = whole().filter_map(|sample| sample.tokens).sum::<usize>();
    let counted = whole().all(|sample| sample.tokens.is_some());
    let rest: f64 = whole().flat_map(Sample::gaps).sum();
    let gaps = whole().filter(|sample| sample.are_tokens);
    let gaps: Vec<f64> = gaps.flat_map(Sample::gaps).collect();
    let first = samples.iter().map(|sample| sample.due_ms).reduce(f64::min);
    let last = whole().filter_map(|sample| sample.end_ms).reduce(f64::max);
    let mut errors: Vec<(String, usize)> = Vec::new();
    for sample in samples.iter().filter(|sample| !sample.is_whole()) {
        let why = sample.error.clone();
        let why = why.unwrap_or_else(|| "the answer has no end".into());
        match errors.iter_mut().find(|(words, _)| *words == why) {
            Some((_, count)) => *count += 1,
            None => errors.push((why, 1)),
        }
    }
    LoadRun {
        qps,
        duration_s,
        arrivals,
        stream: true,
        requested: samples.len(),
        completed: whole().count(),
        execution_s: first.zip(last).map(|(first, last)| (last - first) / 1e3),
        tokens,
        ms_per_token: (counted && tokens > 0).then(|| rest / tokens as f64),
        ttft_ms: over(&|of| Some(of.heard_ms.first()? - of.due_ms)),
        e2e_ms: over(&|of| Some(of.end_ms? - of.due_ms)),
        itl_ms: Distribution::of(&gaps),
        queue_ms: over(&|of| of.queue_ms),
        client_floor_ms: None,
        errors,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_match_hand_counts_from_due_times() {
        let token = |due_ms: f64, heard_ms: &[f64]| Sample {
            due_ms,
            heard_ms: heard_ms.to_vec(),
            end_ms: heard_ms.last().copied(),
            tokens: Some(heard_ms.len()),
            are_tokens: true,
            ..Sample::default()
        };
        let lost = Sample {
            due_ms: 60.0,
            error: Some("gone".into()),
            ..Sample::default()
        };
        let samples = [
            token(0.0, &[20.0, 30.0, 40.0]),
            token(50.0, &[100.0, 160.0]),
            lost,
        ];
        let run = load_run((1.0, 3.0, Arrivals::Constant), &samples);
        assert_eq!((run.requested, run.completed, run.tokens), (3, 2, 5));
        assert_eq!(run.execution_s, Some(0.16));
        assert_eq!(run.ms_per_token, Some(16.0));
        let middle = |of: Option<Distribution>| of.map(|of| of.p50);
        assert_eq!(middle(run.ttft_ms), Some(35.0));
        assert_eq!(middle(run.e2e_ms), Some(75.0));
        assert_eq!(run.itl_ms.map(|of| of.max), Some(60.0));
        assert_eq!(run.errors, [("gone".to_owned(), 1)]);
    }

    #[test]
    fn text_pieces_do_not_count_as_tokens() {
        let sample = Sample {
            heard_ms: vec![10.0, 30.0],
            end_ms: Some(31.0),
            ..Sample::default()
        };
        let run = load_run((1.0, 1.0, Arrivals::Poisson), &[sample]);
        assert_eq!(
            (run.completed, run.itl_ms, run.ms_per_token),
            (1, None, None)
        );
        assert!(run.ttft_ms.is_some());
    }
}
