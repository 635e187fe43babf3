//! `lab all`: runs every experiment in order and writes one report.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use llamaglass_lab::{Experiment, LabError, LabResult};
use serde_json::json;

use super::{Lab, is_stopped, status};
use crate::cli::{AllArgs, Cli, Command, LabCommand};
use crate::interrupt;
use crate::output::{self, note};
use crate::trace;

/// Flags of experiments at the study's size.
const FULL: [(Experiment, &[&str]); 3] = [
    (
        Experiment::Ladder,
        &["--lengths", "1,5,10,30,60,65,120,240,360,480"],
    ),
    (
        Experiment::Load,
        &[
            "--qps",
            "0.625",
            "--duration",
            "2400",
            "--max-tokens",
            "256",
        ],
    ),
    (Experiment::Stub, &["--loads", "1/30,3/10,10/3,30/1"]),
];
/// Number of rows in the study's dataset.
const FULL_ROWS: usize = 1500;

/// Runs the `lab all` command.
pub fn run(args: &AllArgs) -> Result<ExitCode> {
    let _trace = trace::start(&args.run.trace)?;
    let mut lab = Lab::new(&args.model, &args.run)?;
    if args.full {
        lab.run.take.get_or_insert(FULL_ROWS);
    }
    let (mut results, mut left_out) = (Vec::new(), Vec::new());
    let mut code = ExitCode::SUCCESS;
    let done = lab.on_runtime(async {
        let shell = lab.start()?;
        let mut random = None;
        for experiment in Experiment::ALL {
            note(&format!("{experiment:9}{}", experiment.question()));
            let command = command(experiment, args)?;
            match lab.measure(&command, &shell, &mut random).await {
                Ok(result) => {
                    lab.folder.write(&result)?;
                    if let Some(finding) = result.findings.first() {
                        note(&format!("         {}", finding.text));
                    }
                    if status(&result) != ExitCode::SUCCESS {
                        code = ExitCode::FAILURE;
                    }
                    results.push(result);
                }
                Err(error) if is_stopped(&error) => return Err(error),
                Err(error) => {
                    // An experiment that is not possible here is no failure; any other error is, but the rest still
                    // runs.
                    let not_here = error.downcast_ref::<LabError>();
                    if !matches!(not_here, Some(LabError::NotHere { .. })) {
                        code = ExitCode::FAILURE;
                    }
                    note(&format!("         no result: {error:#}"));
                    left_out.push((experiment.name().to_owned(), format!("{error:#}")));
                }
            }
            // Keeps the results so far even if the next experiment is killed.
            lab.folder.write_all(&results, &left_out)?;
        }
        Ok(())
    });
    if let Err(error) = done {
        if !is_stopped(&error) {
            return Err(error);
        }
        note("stopped");
        return Ok(ExitCode::from(interrupt::STATUS));
    }
    report(&lab, &results, &left_out)?;
    Ok(code)
}

fn report(lab: &Lab, results: &[LabResult], left_out: &[(String, String)]) -> Result<()> {
    let summary = llamaglass_lab::Summary::of(results);
    if lab.run.json {
        output::json(&json!({ "summary": summary, "left_out": left_out, "results": results }))?;
    } else {
        for finding in &summary.findings {
            output::line(&finding.text)?;
        }
    }
    note(&format!(
        "the report is {}",
        lab.folder.path().join("report.html").display()
    ));
    Ok(())
}

/// Parses an experiment's own command line, with the study's flags if `--full` is given.
fn command(experiment: Experiment, args: &AllArgs) -> Result<LabCommand> {
    let mut words: Vec<&str> = vec!["llamaglass", "lab", experiment.name(), "-"];
    if args.full {
        let flags = FULL.iter().filter(|(of, _)| *of == experiment);
        words.extend(flags.flat_map(|(_, flags)| flags.iter().copied()));
    }
    match Cli::try_parse_from(words)?.command {
        Command::Lab(lab) => Ok(lab.experiment),
        _ => Err(LabError::Setting("no experiment".into()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_experiment_parses_at_both_sizes() {
        for full in [false, true] {
            let words = ["llamaglass", "lab", "all", "m.gguf"];
            let more: &[&str] = if full { &["--full"] } else { &[] };
            let cli = Cli::try_parse_from([&words[..], more].concat()).expect("parses");
            let Command::Lab(lab) = cli.command else {
                panic!("no lab");
            };
            let LabCommand::All(args) = lab.experiment else {
                panic!("not all");
            };
            for experiment in Experiment::ALL {
                command(experiment, &args).expect("a command");
            }
        }
    }
}
