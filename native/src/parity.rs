//! `llamaglass parity`: compares the engine with an independent implementation, case by case.

mod bisect;
mod files;
mod report;

use llamaglass_lab::StubLevel;
use std::process::ExitCode;

use anyhow::{Result, bail};
use llamaglass_driver::run_on_thread;
use llamaglass_engine::{LoadOptions, ModelInfo};
use llamaglass_runner::parity::{self, Kind, Reference};

use crate::cli::ParityArgs;
use crate::load::{LoadBars, announce, display_name};
use crate::output::{self, note};
use report::{ModelReport, ParityReport, case_line, summary};

/// Runs the `parity` command; the status is 1 if a case fails or there is none.
pub fn run(args: &ParityArgs) -> Result<ExitCode> {
    let reference = match (&args.reference, &args.model) {
        (Some(reference), _) => reference,
        (None, Some(model)) => return bisect::run(model, &args.backend, args.json),
        (None, None) => bail!("either --reference DIR or --bisect MODEL"),
    };
    let jobs = files::jobs(reference, args.model.as_deref())?;
    let kinds = if args.only.is_empty() {
        Kind::ALL.to_vec()
    } else {
        args.only.clone()
    };
    let options = args.backend.load_options()?;
    let mut report = ParityReport::default();
    for job in jobs {
        let (options, kinds, quiet) = (options.clone(), kinds.clone(), args.json);
        let label = job.model.label();
        let done = run_on_thread(move || run_job(&job, options, &kinds, quiet));
        let done = done.unwrap_or_else(|error| ModelReport::failed(&label, &error));
        if !args.json {
            output::print(&summary(&done))?;
        }
        report.models.push(done);
    }
    report.pass = report.models.iter().all(|model| model.pass);
    if args.json {
        output::json(&report)?;
    }
    Ok(if report.pass {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn run_job(
    job: &files::Job,
    mut options: LoadOptions,
    kinds: &[Kind],
    quiet: bool,
) -> Result<ModelReport> {
    let reference = Reference::from_files(job.reference_files()?, &job.model_files()?)?;
    let longest = reference.longest(kinds);
    options.context_length.get_or_insert(longest.max(1));
    let label = job.model.label();
    let mut bars = LoadBars::default();
    let mut engine = job
        .model
        .load(&options, StubLevel::Whole, &mut |progress| {
            bars.update(progress)
        })?;
    bars.finish();
    announce(&label, engine.info(), StubLevel::Whole);
    let info: ModelInfo = engine.info().clone();
    let mut visit = |case: &parity::CaseResult| {
        let line = case_line(case);
        if quiet || output::line(&line).is_err() {
            note(&line);
        }
    };
    let report = pollster::block_on(parity::run(&mut engine, &reference, kinds, &mut visit));
    Ok(ModelReport::new(
        &display_name(&info, &label),
        &label,
        &info.backend,
        report,
    ))
}
