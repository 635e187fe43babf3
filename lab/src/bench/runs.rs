//! The runs of a benchmark: seeded random prompts, an empty cache, and no early stop.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::asking::exactly;
use llamaglass_types::stats::Record;
use llamaglass_types::{Activations, Input, KvType, Request};

/// Number of tokens that a warm-up generates: two steps after the prefill run everything that a decode step
/// runs.
const WARM_UP_TOKENS: usize = 3;

/// Settings of a benchmark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Number of random ids per prompt.
    pub prompt_tokens: usize,
    /// Number of tokens to generate per run.
    pub gen_tokens: usize,
    /// Number of measured runs.
    pub repeat: usize,
    /// Number of warm-up runs before them.
    pub warmup: usize,
    /// Seed of the prompts' ids.
    pub seed: u64,
    /// Context length: number of positions in the KV cache.
    pub context_length: usize,
    /// Data type of the KV cache.
    #[serde(default)]
    pub kv: KvType,
    /// Precision of activations on the CPU's fast path.
    #[serde(default)]
    pub activations: Activations,
    /// Prompt lengths after which to measure the time per token.
    #[serde(default)]
    pub positions: Vec<usize>,
    /// Batch sizes to measure: numbers of requests that run at once.
    #[serde(default)]
    pub batches: Vec<usize>,
    /// True to measure each kernel separately.
    #[serde(default)]
    pub kernels: bool,
    /// True to measure the device's peak rates.
    #[serde(default)]
    pub roofline: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            prompt_tokens: 128,
            gen_tokens: 64,
            repeat: 5,
            warmup: 1,
            seed: 0,
            context_length: 0,
            kv: KvType::default(),
            activations: Activations::default(),
            positions: Vec::new(),
            batches: Vec::new(),
            kernels: false,
            roofline: false,
        }
    }
}

/// Progress of a benchmark.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Current measurement, for display.
    pub what: String,
    /// Number of tokens sampled so far.
    pub done: usize,
    /// Number of tokens that the benchmark samples in total.
    pub total: usize,
}

/// Error of a benchmark.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BenchError {
    /// The engine failed.
    #[error("{0}")]
    Failed(String),
    /// A run stopped early or did not stop in time.
    #[error("the run picked {picked} tokens instead of {wanted}")]
    Tokens {
        /// Number of tokens sampled.
        picked: usize,
        /// Number of tokens requested.
        wanted: usize,
    },
    /// Kernels can be measured only on the fast path.
    #[error(
        "kernels and what the device can do can't be measured: the model runs on burn's operations (the reference \
         path); load it with --path fast"
    )]
    NotOnTheFastPath,
    /// The model was loaded for fewer requests at once.
    #[error("{batch} requests at once, where the model was loaded for {most}")]
    Batch {
        /// Batch size to measure.
        batch: usize,
        /// Maximum batch size.
        most: usize,
    },
    /// A single token has no time per output token.
    #[error("positions need at least 2 generated tokens")]
    OneToken,
    /// Some prompt ids were in the cache.
    #[error("the run reused {0} prompt ids instead of none")]
    Reused(usize),
    /// Prompt and generated tokens exceed the context.
    #[error("{prompt} prompt and {generated} generated tokens do not fit the context of {context}")]
    TooLong {
        /// Number of ids of the longest prompt.
        prompt: usize,
        /// Number of tokens to generate.
        generated: usize,
        /// Number of positions in the KV cache.
        context: usize,
    },
}

impl Settings {
    /// Checks that every run fits the context.
    /// Fails with [`BenchError::TooLong`] if one does not.
    pub fn check(&self) -> Result<(), BenchError> {
        let prompts = self.positions.iter().chain([&self.prompt_tokens]);
        let prompt = prompts.copied().max().unwrap_or(0);
        let needed = prompt.checked_add(self.gen_tokens);
        if needed.is_some_and(|needed| needed <= self.context_length) {
            return Ok(());
        }
        Err(BenchError::TooLong {
            prompt,
            generated: self.gen_tokens,
            context: self.context_length,
        })
    }

    /// Iterates over the warm-up runs and then the measured ones, for a vocabulary of `vocab` ids.
    pub fn runs(&self, vocab: usize) -> Runs {
        Runs {
            settings: self.clone(),
            vocab,
            random: ChaCha8Rng::seed_from_u64(self.seed),
            next: 0,
        }
    }
}

/// A run, which must start with an empty cache.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Request to submit.
    pub request: Request,
    /// Number of the measured run, from 1; `None` for a warm-up.
    pub measured: Option<usize>,
    /// Number of tokens that the run should sample.
    tokens: usize,
}

impl Run {
    /// Checks that `record` measured what this run should: a benchmark that measured something else would be
    /// worse than none.
    /// Fails with [`BenchError`] if it did not.
    pub fn check(&self, record: &Record) -> Result<(), BenchError> {
        if let Some(error) = &record.error {
            return Err(BenchError::Failed(error.clone()));
        }
        if record.ids.len() != self.tokens {
            return Err(BenchError::Tokens {
                picked: record.ids.len(),
                wanted: self.tokens,
            });
        }
        if record.reused_tokens != 0 {
            return Err(BenchError::Reused(record.reused_tokens));
        }
        Ok(())
    }
}

/// Iterator over the runs of a benchmark, in order.
#[derive(Clone, Debug)]
pub struct Runs {
    settings: Settings,
    vocab: usize,
    random: ChaCha8Rng,
    next: usize,
}

impl Iterator for Runs {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        let settings = &self.settings;
        if self.next >= settings.warmup + settings.repeat {
            return None;
        }
        self.next += 1;
        let measured = self
            .next
            .checked_sub(settings.warmup)
            .filter(|number| *number > 0);
        let tokens = match measured {
            Some(_) => settings.gen_tokens,
            None => settings.gen_tokens.min(WARM_UP_TOKENS),
        };
        let ids = random_ids(&mut self.random, settings.prompt_tokens, self.vocab);
        Some(Run {
            request: request(ids, tokens),
            measured,
            tokens,
        })
    }
}

/// Returns `count` random ids of a vocabulary of `vocab` ids.
pub fn random_ids(random: &mut ChaCha8Rng, count: usize, vocab: usize) -> Vec<u32> {
    let vocab = u32::try_from(vocab).unwrap_or(u32::MAX).max(1);
    let ids = (0..count).map(|_| random.random_range(0..vocab));
    ids.collect()
}

/// Creates a greedy request that generates exactly `tokens` tokens after `count` random ids; `seed` determines
/// the ids.
pub fn random_request(seed: u64, count: usize, tokens: usize, vocab: usize) -> Request {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    request(random_ids(&mut random, count, vocab), tokens)
}

/// Creates a greedy request that generates exactly `tokens` tokens after `ids`, ignoring end-of-sequence ids.
pub fn request(ids: Vec<u32>, tokens: usize) -> Request {
    exactly(tokens, Input::Ids(ids))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_start_with_warm_ups_and_have_distinct_prompts() {
        let settings = Settings {
            prompt_tokens: 9,
            gen_tokens: 7,
            repeat: 2,
            context_length: 16,
            ..Settings::default()
        };
        let runs: Vec<Run> = settings.runs(100).collect();
        let measured: Vec<Option<usize>> = runs.iter().map(|run| run.measured).collect();
        assert_eq!(measured, [None, Some(1), Some(2)]);
        let tokens: Vec<Option<usize>> = runs.iter().map(|run| run.request.max_tokens).collect();
        assert_eq!(tokens, [Some(3), Some(7), Some(7)]);
        assert_ne!(runs[1].request.input, runs[2].request.input);
        let again: Vec<Run> = settings.runs(100).collect();
        assert_eq!(runs, again);
        assert_eq!(settings.check(), Ok(()));
        let long = Settings {
            positions: vec![10],
            ..settings
        };
        assert!(long.check().is_err());
    }

    #[test]
    fn run_rejects_record_of_another_run() {
        let run = Settings::default().runs(10).next().expect("a run");
        let mut record = Record::default();
        let (picked, wanted) = (0, 3);
        assert_eq!(
            run.check(&record),
            Err(BenchError::Tokens { picked, wanted })
        );
        record.ids = vec![1, 2, 3];
        assert_eq!(run.check(&record), Ok(()));
        record.reused_tokens = 4;
        assert_eq!(run.check(&record), Err(BenchError::Reused(4)));
        record.error = Some("the device was lost".into());
        let error = run.check(&record).expect_err("it failed");
        assert_eq!(error.to_string(), "the device was lost");
    }
}
