//! Runs several programs in turn.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

/// Work of a run.
#[derive(Clone, Debug)]
pub struct Case {
    /// Path of the GGUF file.
    pub model: PathBuf,
    /// Number of threads.
    pub threads: usize,
    /// Prompt length in tokens.
    pub prompt_tokens: usize,
    /// Tokens to generate.
    pub gen_tokens: usize,
}

impl Case {
    /// Returns the model's file name.
    pub fn model_name(&self) -> String {
        let name = self.model.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.threads == 1 { "" } else { "s" };
        write!(
            f,
            "{}, {} thread{plural}, {} + {} tokens",
            self.model_name(),
            self.threads,
            self.prompt_tokens,
            self.gen_tokens
        )
    }
}

/// Rates of one run.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Rates {
    /// Prompt tokens per second.
    pub prefill_tok_s: f64,
    /// Tokens per second after the first.
    pub decode_tok_s: f64,
}

/// Rates of one run, by one clock.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Noun phrase for the clock, such as `own clock`.
    pub clock: &'static str,
    /// The rates.
    pub rates: Rates,
}

/// Result of one run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Version and build of the code that computed.
    pub build: String,
    /// Number of threads that computed, if the program tells.
    pub threads: Option<usize>,
    /// Rates by each clock that was read; at least one.
    pub readings: Vec<Reading>,
}

/// A program that is measured.
pub trait Program {
    /// Returns the name in tables.
    fn name(&self) -> &str;

    /// Computes the case once to warm up and once measured.
    fn measure(&mut self, case: &Case) -> Result<Run>;
}

/// Runs every program once per round, in alternating order, and returns the runs of each round in the programs' order.
pub fn interleave(
    programs: &mut [Box<dyn Program>],
    case: &Case,
    rounds: usize,
) -> Result<Vec<Vec<Run>>> {
    let mut all = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let mut order: Vec<usize> = (0..programs.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        let mut runs: Vec<Option<Run>> = vec![None; programs.len()];
        for index in order {
            let program = &mut programs[index];
            let run = program
                .measure(case)
                .with_context(|| format!("{} failed on {case}", program.name()))?;
            if let Some(threads) = run.threads {
                ensure!(
                    threads == case.threads,
                    "{} computed on {threads} threads instead of {}",
                    program.name(),
                    case.threads
                );
            }
            print_line(round, rounds, program.name(), &run);
            runs[index] = Some(run);
        }
        all.push(runs.into_iter().flatten().collect());
    }
    Ok(all)
}

fn print_line(round: usize, rounds: usize, name: &str, run: &Run) {
    for Reading { clock, rates } in &run.readings {
        println!(
            "  round {}/{rounds}: {name}, {clock}: prefill {:.1}, decode {:.1} tok/s",
            round + 1,
            rates.prefill_tok_s,
            rates.decode_tok_s
        );
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    struct Recorder(&'static str, Rc<RefCell<Vec<&'static str>>>);

    impl Program for Recorder {
        fn name(&self) -> &str {
            self.0
        }

        fn measure(&mut self, _: &Case) -> Result<Run> {
            self.1.borrow_mut().push(self.0);
            Ok(Run {
                build: self.0.to_owned(),
                threads: Some(1),
                readings: Vec::new(),
            })
        }
    }

    #[test]
    fn interleave_reverses_the_order_in_every_second_round() {
        let order = Rc::default();
        let mut programs: Vec<Box<dyn Program>> = ["a", "b"]
            .map(|name| Box::new(Recorder(name, Rc::clone(&order))) as Box<dyn Program>)
            .into();
        let case = Case {
            model: "m.gguf".into(),
            threads: 1,
            prompt_tokens: 2,
            gen_tokens: 2,
        };
        let rounds = interleave(&mut programs, &case, 3).expect("measured");
        assert_eq!(*order.borrow(), ["a", "b", "b", "a", "a", "b"]);
        for runs in rounds {
            let builds: Vec<String> = runs.into_iter().map(|run| run.build).collect();
            assert_eq!(builds, ["a", "b"]);
        }
    }
}
