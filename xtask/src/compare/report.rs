//! The figures of a comparison: per case and per program, as a table and as JSON.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::rounds::{Case, Program, Rates, Run};
use crate::project::Project;
use crate::{command, machine};

/// Incremented when a field changes its meaning or is removed.
const SCHEMA_VERSION: u32 = 1;

/// Result of `cargo xtask compare`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    schema_version: u32,
    /// Command line that measured it.
    command: String,
    /// Seconds since 1970 at the start.
    started_unix_s: u64,
    /// Commit of the checkout; ends in `-dirty` if files were changed.
    commit: String,
    /// The machine that it ran on.
    pub machine: Machine,
    /// Figures of each case.
    pub cases: Vec<CaseReport>,
}

/// The machine and its state before the first run.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    cpu: String,
    cores: usize,
    system: &'static str,
    /// Load average of the minute before the first run, if the system tells.
    pub load_average: Option<f64>,
}

/// Figures of one case.
#[derive(Clone, Debug, Serialize)]
pub struct CaseReport {
    model: String,
    model_bytes: u64,
    threads: usize,
    prompt_tokens: usize,
    gen_tokens: usize,
    /// Name and build of our program.
    program: String,
    build: String,
    /// Rates of our program in each round.
    rounds: Vec<Rates>,
    /// Comparison with each other program, by each of its clocks.
    peers: Vec<PeerReport>,
}

/// Comparison with one other program, by one clock.
#[derive(Clone, Debug, Serialize)]
struct PeerReport {
    program: String,
    clock: &'static str,
    build: String,
    /// Rates of the other program in each round.
    rounds: Vec<Rates>,
    prefill: StageReport,
    decode: StageReport,
}

/// Comparison of one stage. Rates are in tokens/s.
#[derive(Clone, Debug, Serialize)]
struct StageReport {
    ours: Spread,
    theirs: Spread,
    /// Our rate divided by theirs, within each round.
    ratio: Spread,
}

/// Median and range over the rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

impl Report {
    /// Creates a report without cases, and describes the machine as it is now.
    pub fn new(project: &Project) -> Self {
        let mut git = Command::new("git");
        git.current_dir(&project.root)
            .args(["describe", "--always", "--dirty"]);
        let words = std::env::args().skip(1);
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            schema_version: SCHEMA_VERSION,
            command: std::iter::once("cargo xtask".to_owned())
                .chain(words)
                .collect::<Vec<_>>()
                .join(" "),
            started_unix_s: since.unwrap_or_default().as_secs(),
            commit: command::output(&mut git)
                .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned()),
            machine: Machine {
                cpu: machine::cpu_name(),
                cores: std::thread::available_parallelism().map_or(0, Into::into),
                system: std::env::consts::OS,
                load_average: machine::load_average(),
            },
            cases: Vec::new(),
        }
    }

    /// Writes the report to the file as JSON.
    pub fn write(&self, file: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(file, text).with_context(|| format!("could not write {}", file.display()))
    }
}

impl CaseReport {
    /// Compares the first program's runs with those of each other program.
    ///
    /// # Errors
    /// If a program reported no rates.
    pub fn new(case: &Case, programs: &[Box<dyn Program>], rounds: &[Vec<Run>]) -> Result<Self> {
        let ours = rates(rounds, 0, 0);
        ensure!(!ours.is_empty(), "{} reported no rates", programs[0].name());
        let mut peers = Vec::new();
        for (index, program) in programs.iter().enumerate().skip(1) {
            let last = rounds.last().map(|runs| &runs[index]);
            let readings = last.map_or(&[][..], |run| &run.readings);
            for (number, reading) in readings.iter().enumerate() {
                let theirs = rates(rounds, index, number);
                peers.push(PeerReport {
                    program: program.name().to_owned(),
                    clock: reading.clock,
                    build: last.map_or_else(String::new, |run| run.build.clone()),
                    prefill: StageReport::new(&ours, &theirs, |rates| rates.prefill_tok_s),
                    decode: StageReport::new(&ours, &theirs, |rates| rates.decode_tok_s),
                    rounds: theirs,
                });
            }
        }
        Ok(Self {
            model: case.model_name(),
            model_bytes: fs::metadata(&case.model).map_or(0, |data| data.len()),
            threads: case.threads,
            prompt_tokens: case.prompt_tokens,
            gen_tokens: case.gen_tokens,
            program: programs[0].name().to_owned(),
            build: rounds
                .last()
                .map_or_else(String::new, |runs| runs[0].build.clone()),
            rounds: ours,
            peers,
        })
    }
}

/// Returns the rates of one program by one of its clocks, in each round.
fn rates(rounds: &[Vec<Run>], program: usize, reading: usize) -> Vec<Rates> {
    let readings = rounds
        .iter()
        .filter_map(|runs| runs.get(program)?.readings.get(reading));
    readings.map(|reading| reading.rates).collect()
}

impl StageReport {
    fn new(ours: &[Rates], theirs: &[Rates], stage: fn(&Rates) -> f64) -> Self {
        let pairs = ours.iter().zip(theirs);
        Self {
            ours: Spread::of(ours.iter().map(stage)),
            theirs: Spread::of(theirs.iter().map(stage)),
            ratio: Spread::of(pairs.map(|(ours, theirs)| stage(ours) / stage(theirs))),
        }
    }
}

impl Spread {
    /// Returns the median and the range of the values, or zeros if there are none. The median of an even number of
    /// values is the mean of the middle two.
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let (Some(&min), Some(&max)) = (values.first(), values.last()) else {
            return Self {
                median: 0.0,
                min: 0.0,
                max: 0.0,
            };
        };
        let upper = values.len() / 2;
        let lower = (values.len() - 1) / 2;
        Self {
            median: f64::midpoint(values[lower], values[upper]),
            min,
            max,
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(1);
        let Self { median, min, max } = self;
        write!(f, "{median:.digits$} ({min:.digits$} to {max:.digits$})")
    }
}

/// Formats the report as Markdown, so that it can be pasted into a document.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine {
            cpu,
            cores,
            system,
            load_average,
        } = &self.machine;
        writeln!(f, "`{}` at commit {}", self.command, self.commit)?;
        write!(f, "on {cpu}, {cores} cores, {system}")?;
        if let Some(load) = load_average {
            write!(f, ", load average before {load:.2}")?;
        }
        writeln!(f, "\n")?;
        for line in self.builds() {
            writeln!(f, "- {line}")?;
        }
        let rounds = self.cases.first().map_or(0, |case| case.rounds.len());
        writeln!(
            f,
            "\nTokens per second: median (smallest to largest) of {rounds} alternating rounds; ratios within each round."
        )?;
        writeln!(
            f,
            "\n| model | threads | stage | compared with | llamaglass | other | ratio |\n\
             | --- | --- | --- | --- | --- | --- | --- |"
        )?;
        for case in &self.cases {
            for peer in &case.peers {
                for (name, stage) in [("prefill", &peer.prefill), ("decode", &peer.decode)] {
                    writeln!(
                        f,
                        "| {} | {} | {name} | {}, {} | {} | {} | {:.2} |",
                        case.model,
                        case.threads,
                        peer.program,
                        peer.clock,
                        stage.ours,
                        stage.theirs,
                        stage.ratio
                    )?;
                }
            }
        }
        Ok(())
    }
}

impl Report {
    /// Returns a line for each build of each program, without repetitions.
    fn builds(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for case in &self.cases {
            let peers = case.peers.iter().map(|peer| (&peer.program, &peer.build));
            for (program, build) in std::iter::once((&case.program, &case.build)).chain(peers) {
                let line = format!("{program}: {build}");
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(values: &[f64]) -> Vec<Rates> {
        let of = |&value: &f64| Rates {
            prefill_tok_s: value,
            decode_tok_s: value / 2.0,
        };
        values.iter().map(of).collect()
    }

    #[test]
    fn spread_has_median_and_range() {
        let spread = Spread::of([3.0, 1.0, 2.0, 10.0].into_iter());
        assert_eq!((spread.median, spread.min, spread.max), (2.5, 1.0, 10.0));
        assert_eq!(format!("{spread:.2}"), "2.50 (1.00 to 10.00)");
    }

    #[test]
    fn ratio_is_taken_within_each_round() {
        // The ratio of the medians would be 1.
        let stage = StageReport::new(
            &rates(&[1.0, 2.0, 9.0]),
            &rates(&[2.0, 1.0, 3.0]),
            |rates| rates.decode_tok_s,
        );
        assert_eq!(stage.ratio, Spread::of([0.5, 2.0, 3.0].into_iter()));
    }
}
