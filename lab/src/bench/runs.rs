//! The runs of a benchmark: seeded random prompts, nothing reused, no early end.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use llamaglass_engine::forward::KvType;
use llamaglass_engine::scheduler::{Input, Request};
use llamaglass_engine::stats::Record;

/// Tokens that a warm-up generates: two steps after the prefill have run everything that a decode
/// step runs.
const WARM_UP_TOKENS: usize = 3;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Random ids of each prompt.
    pub prompt_tokens: usize,
    /// Tokens generated in each run.
    pub gen_tokens: usize,
    /// Measured runs.
    pub repeat: usize,
    /// Runs before them.
    pub warmup: usize,
    /// Seed of the prompts' ids.
    pub seed: u64,
    /// Positions of the KV cache.
    pub context_length: usize,
    /// How it stores its values.
    #[serde(default)]
    pub kv: KvType,
    /// Lengths of the prompts after which milliseconds a token are measured apart.
    #[serde(default)]
    pub positions: Vec<usize>,
    /// How many requests at once are measured apart.
    #[serde(default)]
    pub batches: Vec<usize>,
    /// Whether each kernel is measured by itself.
    #[serde(default)]
    pub kernels: bool,
    /// Whether what the device can do at most is measured.
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
            positions: Vec::new(),
            batches: Vec::new(),
            kernels: false,
            roofline: false,
        }
    }
}

/// A run that measured something else than it was to.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BenchError {
    /// The engine failed.
    #[error("{0}")]
    Failed(String),
    /// It ended early, or went on.
    #[error("the run picked {picked} tokens instead of {wanted}")]
    Tokens {
        /// How many were picked.
        picked: usize,
        /// How many were to be.
        wanted: usize,
    },
    /// Kernels are ours on the fast path only.
    #[error(
        "kernels and what the device can do are measured on the fast path on a GPU adapter, and this is not on it"
    )]
    NotOnTheFastPath,
    /// The model was loaded for fewer requests at once.
    #[error("{batch} requests at once, where the model was loaded for {most}")]
    Batch {
        /// How many were to be measured.
        batch: usize,
        /// How many there can be.
        most: usize,
    },
    /// One token has no time from token to token.
    #[error("positions need at least 2 generated tokens")]
    OneToken,
    /// Prompt ids were in the cache.
    #[error("the run reused {0} prompt ids instead of none")]
    Reused(usize),
    /// The prompt and what is generated are more than the context.
    #[error("{prompt} prompt and {generated} generated tokens do not fit the context of {context}")]
    TooLong {
        /// Ids of the longest prompt.
        prompt: usize,
        /// Tokens after it.
        generated: usize,
        /// Positions of the KV cache.
        context: usize,
    },
}

impl Settings {
    /// Checks that every run fits the context.
    ///
    /// # Errors
    /// [`BenchError::TooLong`].
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

    /// The warm-up runs and the measured ones, for a vocabulary of `vocab`.
    pub fn runs(&self, vocab: usize) -> Runs {
        Runs {
            settings: self.clone(),
            vocab,
            random: ChaCha8Rng::seed_from_u64(self.seed),
            next: 0,
        }
    }
}

/// One run, to be begun with an empty cache.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// What is to be submitted.
    pub request: Request,
    /// The measured run's number, from 1 on; none for a warm-up.
    pub measured: Option<usize>,
    /// How many tokens it is to pick.
    tokens: usize,
}

impl Run {
    /// Checks that `record` is of what was to be measured: a bench that measured something else
    /// would be worse than none.
    ///
    /// # Errors
    /// [`BenchError`].
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

/// The runs of a benchmark, in order.
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
        let Settings {
            prompt_tokens,
            gen_tokens,
            repeat,
            warmup,
            ..
        } = self.settings;
        let index = self.next;
        if index >= warmup + repeat {
            return None;
        }
        self.next += 1;
        let measured = (index + 1).checked_sub(warmup).filter(|number| *number > 0);
        let tokens = match measured {
            Some(_) => gen_tokens,
            None => gen_tokens.min(WARM_UP_TOKENS),
        };
        let ids = random_ids(&mut self.random, prompt_tokens, self.vocab);
        Some(Run {
            request: request(ids, tokens),
            measured,
            tokens,
        })
    }
}

/// `count` ids of a vocabulary of `vocab`.
pub fn random_ids(random: &mut ChaCha8Rng, count: usize, vocab: usize) -> Vec<u32> {
    let vocab = u32::try_from(vocab).unwrap_or(u32::MAX).max(1);
    let ids = (0..count).map(|_| random.random_range(0..vocab));
    ids.collect()
}

/// A greedy request for exactly `tokens` tokens after `count` ids that `seed` gives.
pub fn random_request(seed: u64, count: usize, tokens: usize, vocab: usize) -> Request {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    request(random_ids(&mut random, count, vocab), tokens)
}

/// A greedy request for exactly `tokens` tokens after `ids`, past every end id.
pub fn request(ids: Vec<u32>, tokens: usize) -> Request {
    let mut request = Request::new(Input::Ids(ids));
    request.max_tokens = Some(tokens);
    request.ignore_eos = true;
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_ups_come_first_and_every_prompt_is_another() {
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
    fn a_run_that_measured_something_else_is_refused() {
        let run = Settings::default().runs(10).next().expect("a run");
        let mut record = Record::default();
        assert_eq!(
            run.check(&record),
            Err(BenchError::Tokens {
                picked: 0,
                wanted: 3
            })
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
