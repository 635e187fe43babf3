//! `llamaglass bench`: how fast, and where each step's time goes.

mod measure;
mod report;

use std::process::ExitCode;

use anyhow::{Result, bail};
use llamaglass_engine::LoadOptions;

use crate::cli::BenchArgs;
use crate::engine_thread::run_apart;
use crate::load::{LoadBars, announce};
use crate::model::Model;
use crate::output;
use report::{BenchReport, Settings};

/// Runs the command.
pub fn run(args: &BenchArgs) -> Result<ExitCode> {
    let settings = Settings {
        prompt_tokens: args.prompt_tokens,
        gen_tokens: args.gen_tokens,
        repeat: args.repeat,
        warmup: args.warmup,
        seed: args.seed,
        context_length: 0,
    };
    let model = Model::from_args(&args.model)?;
    let label = model.label();
    let options = options(args)?;
    let report = run_apart(move || bench(&model, &label, &options, settings))?;
    if args.json {
        output::json(&report)?;
    } else {
        output::print(&report.table())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A cache that holds a run, where nobody asked for another.
fn options(args: &BenchArgs) -> Result<LoadOptions> {
    let needed = args.prompt_tokens.checked_add(args.gen_tokens);
    let Some(needed) = needed else {
        bail!("prompt and generated tokens together are more than any context holds");
    };
    let mut options = args.backend.load_options()?;
    options.context_length.get_or_insert(needed);
    Ok(options)
}

fn bench(
    model: &Model,
    label: &str,
    options: &LoadOptions,
    mut settings: Settings,
) -> Result<BenchReport> {
    let mut bars = LoadBars::default();
    let mut engine = model.load(options, &mut |progress| bars.update(progress))?;
    bars.finish();
    announce(label, engine.info());
    settings.context_length = engine.info().context_length;
    let needed = settings.prompt_tokens + settings.gen_tokens;
    if needed > settings.context_length {
        bail!(
            "{} prompt and {} generated tokens do not fit the context of {}",
            settings.prompt_tokens,
            settings.gen_tokens,
            settings.context_length
        );
    }
    let records = measure::measure(&mut engine, &settings)?;
    Ok(BenchReport::new(engine.info(), label, settings, &records))
}
