//! Benchmarks several requests that run at once.

use serde::{Deserialize, Serialize};

use llamaglass_types::stats::{Quantiles, Range, Record};

/// Figures of several requests that ran at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AtBatch {
    /// Number of requests.
    pub batch: usize,
    /// Tokens per second of all requests together, counted from the time when each has its first token; range
    /// over the runs.
    pub decode_tok_s: Option<Range>,
    /// Time per output token of each request, in milliseconds.
    pub tpot_ms: Option<Quantiles>,
}

impl AtBatch {
    /// Computes the figures of `runs`; each run is the records of requests that were submitted together.
    pub fn new(batch: usize, runs: &[Vec<Record>]) -> Self {
        let rates: Vec<f64> = runs.iter().filter_map(|run| together(run)).collect();
        // Leave out the first gap: a request that is done with its prompt waits for the others' prompts.
        let gaps = |record: &Record| record.tpot_ms().into_iter().skip(1);
        let gaps: Vec<f64> = runs.iter().flatten().flat_map(gaps).collect();
        Self {
            batch,
            decode_tok_s: Range::of(&rates),
            tpot_ms: Quantiles::of(&gaps),
        }
    }
}

/// Returns the tokens per second of all requests together, from the time when each has its first token to the
/// end.
fn together(run: &[Record]) -> Option<f64> {
    let latest = |time: fn(&Record) -> Option<f64>| {
        let times: Option<Vec<f64>> = run.iter().map(time).collect();
        times?.into_iter().reduce(f64::max)
    };
    let begin = latest(Record::first_token_at_ms)?;
    let end = latest(Record::last_token_at_ms)?;
    let tokens: usize = run.iter().map(|record| record.tokens_after(begin)).sum();
    (tokens > 0 && end > begin).then(|| tokens as f64 / (end - begin) * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use llamaglass_types::stats::testing::record;

    #[test]
    fn decode_rate_counts_from_when_all_requests_have_first_token() {
        let run = vec![record(&[10.0, 30.0, 40.0]), record(&[20.0, 30.0, 40.0])];
        let at = AtBatch::new(2, &[run]);
        // Four tokens in 20 ms.
        assert_eq!(at.decode_tok_s.map(|rate| rate.median), Some(200.0));
        assert_eq!(at.tpot_ms.map(|tpot| tpot.p50), Some(10.0));
        let nothing = AtBatch::new(2, &[vec![record(&[]), record(&[1.0])]]);
        assert_eq!(nothing.decode_tok_s, None);
    }
}
