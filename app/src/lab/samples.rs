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
    pub arrivals_ms: Vec<f64>,
    /// Arrival time of the answer's end.
    pub end_ms: Option<f64>,
    /// Tokens of the answer, if the engine or server counted them.
    pub tokens: Option<usize>,
    /// True if [`arrivals_ms`](Self::arrivals_ms) are times of tokens. A piece of text has an unknown number of tokens.
    pub are_tokens: bool,
    /// Time in the queue before the first step, if reported.
    pub queue_ms: Option<f64>,
    /// Reason why the answer is incomplete.
    pub error: Option<String>,
}

impl Sample {
    fn is_complete(&self) -> bool {
        self.end_ms.is_some() && self.error.is_none()
    }

    fn gaps(&self) -> impl Iterator<Item = f64> + '_ {
        self.arrivals_ms.windows(2).map(|pair| pair[1] - pair[0])
    }
}

/// Planned load of one run.
#[derive(Clone, Copy, Debug)]
pub struct LoadPlan {
    /// Requests per second.
    pub qps: f64,
    /// Duration in seconds.
    pub duration_s: f64,
    /// Distribution of the arrivals.
    pub arrivals: Arrivals,
}

/// Summarises `samples` as one run. Answers in pieces of text have no inter-token latency.
pub fn load_run(plan: LoadPlan, samples: &[Sample]) -> LoadRun {
    let LoadPlan {
        qps,
        duration_s,
        arrivals,
    } = plan;
    let complete = || samples.iter().filter(|sample| sample.is_complete());
    let over = |figure: &dyn Fn(&Sample) -> Option<f64>| {
        Distribution::of(&complete().filter_map(figure).collect::<Vec<f64>>())
    };
    let tokens = complete().filter_map(|sample| sample.tokens).sum::<usize>();
    let counted = complete().all(|sample| sample.tokens.is_some());
    let decode_ms: f64 = complete().flat_map(Sample::gaps).sum();
    let gaps = complete().filter(|sample| sample.are_tokens);
    let gaps: Vec<f64> = gaps.flat_map(Sample::gaps).collect();
    let first = samples.iter().map(|sample| sample.due_ms).reduce(f64::min);
    let last = complete()
        .filter_map(|sample| sample.end_ms)
        .reduce(f64::max);
    let mut errors: Vec<(String, usize)> = Vec::new();
    for sample in samples.iter().filter(|sample| !sample.is_complete()) {
        let why = sample.error.clone();
        let why = why.unwrap_or_else(|| "the answer has no end".into());
        match errors.iter_mut().find(|(message, _)| *message == why) {
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
        completed: complete().count(),
        execution_s: first.zip(last).map(|(first, last)| (last - first) / 1e3),
        tokens,
        ms_per_token: (counted && tokens > 0).then(|| decode_ms / tokens as f64),
        ttft_ms: over(&|of| Some(of.arrivals_ms.first()? - of.due_ms)),
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

    fn plan(duration_s: f64, arrivals: Arrivals) -> LoadPlan {
        LoadPlan {
            qps: 1.0,
            duration_s,
            arrivals,
        }
    }

    #[test]
    fn figures_match_hand_counts_from_due_times() {
        let token = |due_ms: f64, arrivals_ms: &[f64]| Sample {
            due_ms,
            arrivals_ms: arrivals_ms.to_vec(),
            end_ms: arrivals_ms.last().copied(),
            tokens: Some(arrivals_ms.len()),
            are_tokens: true,
            ..Sample::default()
        };
        let failed = Sample {
            due_ms: 60.0,
            error: Some("gone".into()),
            ..Sample::default()
        };
        let samples = [
            token(0.0, &[20.0, 30.0, 40.0]),
            token(50.0, &[100.0, 160.0]),
            failed,
        ];
        let run = load_run(plan(3.0, Arrivals::Constant), &samples);
        assert_eq!((run.requested, run.completed, run.tokens), (3, 2, 5));
        assert_eq!(run.execution_s, Some(0.16));
        assert_eq!(run.ms_per_token, Some(16.0));
        let median = |of: Option<Distribution>| of.map(|of| of.p50);
        assert_eq!(median(run.ttft_ms), Some(35.0));
        assert_eq!(median(run.e2e_ms), Some(75.0));
        assert_eq!(run.itl_ms.map(|of| of.max), Some(60.0));
        assert_eq!(run.errors, [("gone".to_owned(), 1)]);
    }

    #[test]
    fn text_pieces_do_not_count_as_tokens() {
        let sample = Sample {
            arrivals_ms: vec![10.0, 30.0],
            end_ms: Some(31.0),
            ..Sample::default()
        };
        let run = load_run(plan(1.0, Arrivals::Poisson), &[sample]);
        assert_eq!(
            (run.completed, run.itl_ms, run.ms_per_token),
            (1, None, None)
        );
        assert!(run.ttft_ms.is_some());
    }
}
