//! `cargo xtask test`: runs every check, one after the other, and prints a summary.

use std::time::Instant;

use anyhow::{Result, bail, ensure};

use crate::checks::{self, Step};
use crate::context::{Context, Verdict};
use crate::project::Project;

mod summary;

use summary::{Line, Outcome};

/// Arguments of `test`.
#[derive(clap::Args)]
pub struct Args {
    /// Run only this step; may be given more than once.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// List the steps without running them.
    #[arg(long)]
    list: bool,
}

/// Installs what the steps need, runs them all, and prints a summary.
pub fn run(project: &Project, args: &Args) -> Result<()> {
    let steps = selected(&args.only)?;
    if args.list {
        print!("{}", list(&steps, &args.only));
        return Ok(());
    }
    let needs = steps
        .iter()
        .flat_map(|step| step.needs.iter().copied())
        .collect();
    let context = Context::prepare(project, needs);
    let lines: Vec<Line> = steps.iter().map(|step| run_step(step, &context)).collect();
    print!("{}", summary::render(&lines));
    ensure!(lines.iter().all(|line| !line.failed()), "a step failed");
    Ok(())
}

/// Formats a line for each step that would run and, without `--only`, for each opt-in step.
fn list(steps: &[&Step], only: &[String]) -> String {
    let line = |step: &Step, note: &str| format!("{:<14} {}{note}\n", step.name, step.about);
    let mut text: String = steps.iter().map(|step| line(step, "")).collect();
    if only.is_empty() {
        for step in checks::OPT_IN_STEPS {
            let note = format!(" (opt-in: --only {})", step.name);
            text += &line(step, &note);
        }
    }
    text
}

fn selected(only: &[String]) -> Result<Vec<&'static Step>> {
    if only.is_empty() {
        return Ok(checks::STEPS.iter().collect());
    }
    let all = || checks::STEPS.iter().chain(checks::OPT_IN_STEPS);
    if let Some(unknown) = only
        .iter()
        .find(|name| !all().any(|step| step.name == *name))
    {
        let names: Vec<&str> = all().map(|step| step.name).collect();
        bail!(
            "unknown step `{unknown}`; expected one of: {}",
            names.join(", ")
        );
    }
    Ok(all()
        .filter(|step| only.iter().any(|name| name == step.name))
        .collect())
}

fn run_step(step: &Step, context: &Context<'_>) -> Line {
    println!("\n==== {}: {}", step.name, step.about);
    let start = Instant::now();
    let outcome = match context.missing(step.needs) {
        Some(reason) => Err(reason),
        None => (step.run)(context).map_err(|error| format!("{error:#}")),
    };
    let outcome = match outcome {
        Ok(Verdict::Passed) => Outcome::Passed(String::new()),
        Ok(Verdict::PassedWith(note)) => Outcome::Passed(note),
        Ok(Verdict::NotRun(reason)) => Outcome::NotRun(reason),
        Err(reason) => Outcome::Failed(reason),
    };
    if let Outcome::Failed(reason) = &outcome {
        println!("{reason}");
    }
    let line = Line {
        name: step.name,
        outcome,
        seconds: start.elapsed().as_secs_f64(),
    };
    println!("{line}");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_names_are_unique() {
        let steps = checks::STEPS.iter().chain(checks::OPT_IN_STEPS);
        let mut names: Vec<&str> = steps.map(|step| step.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn steps_are_selected_by_name_and_unknown_names_rejected() {
        let chosen = selected(&["fmt".to_owned()]).expect("it exists");
        assert_eq!(
            chosen.iter().map(|step| step.name).collect::<Vec<_>>(),
            ["fmt"]
        );
        let error = selected(&["nothing".to_owned()])
            .err()
            .expect("it does not exist");
        assert!(error.to_string().contains("fmt"), "{error}");
    }

    #[test]
    fn opt_in_step_runs_only_when_named() {
        let names = |only: &[String]| -> Vec<&str> {
            let steps = selected(only).expect("they exist");
            steps.iter().map(|step| step.name).collect()
        };
        assert!(!names(&[]).contains(&"guidellm"));
        assert_eq!(names(&["guidellm".to_owned()]), ["guidellm"]);
        let all = list(&selected(&[]).expect("steps"), &[]);
        assert!(all.contains("(opt-in: --only guidellm)"), "{all}");
    }
}
