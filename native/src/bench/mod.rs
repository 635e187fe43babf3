//! `llamaglass bench`: measures the speed, and the time of each stage of a step.

mod table;

use llamaglass_lab::StubLevel;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use llamaglass_driver::run_on_thread;
use llamaglass_engine::LoadOptions;
use llamaglass_lab::bench::{BenchReport, Comparison, Settings};
use llamaglass_runner::bench::Bench;

use crate::cli::BenchArgs;
use crate::load::{LoadBars, announce, display_name};
use crate::model::Model;
use crate::output::{self, note};
use crate::trace;

/// Runs the `bench` command.
pub fn run(args: &BenchArgs) -> Result<ExitCode> {
    if args.stub.stub.is_before_engine() {
        bail!(
            "--stub {} skips the engine, which bench measures; expected one of: 5, 6, 99",
            args.stub.stub
        );
    }
    let _trace = trace::start(&args.trace)?;
    let settings = Settings {
        prompt_tokens: args.prompt_tokens,
        gen_tokens: args.gen_tokens,
        repeat: args.repeat,
        warmup: args.warmup,
        seed: args.seed,
        context_length: 0,
        kv: args.backend.kv,
        activations: args.backend.activations,
        positions: args.positions.clone(),
        batches: args.batch.clone(),
        kernels: args.kernels,
        roofline: args.roofline,
    };
    // Read the earlier result first, so that a wrong path does not cost a whole run.
    let earlier = args.compare.as_deref().map(earlier).transpose()?;
    let model = Model::from_args(&args.model)?;
    let label = model.label();
    let options = options(args)?;
    let stub = args.stub.stub;
    let mut report = run_on_thread(move || bench(&model, &label, (&options, stub), settings))?;
    report.comparison = earlier.map(|earlier| Comparison::new(&report, &earlier));
    if args.json {
        output::json(&report)?;
    } else {
        output::print(&table::table(&report))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the load options; unless the user has set a context length, it is long enough for every run.
fn options(args: &BenchArgs) -> Result<LoadOptions> {
    let longest = args.positions.iter().chain([&args.prompt_tokens]).max();
    let needed = longest.and_then(|prompt| prompt.checked_add(args.gen_tokens));
    let Some(needed) = needed else {
        bail!("prompt and generated tokens together are more than any context holds");
    };
    let mut options = args.backend.load_options()?;
    options.context_length.get_or_insert(needed);
    options.batch = args.batch.iter().max().copied();
    Ok(options)
}

fn bench(
    model: &Model,
    label: &str,
    (options, stub): (&LoadOptions, StubLevel),
    settings: Settings,
) -> Result<BenchReport> {
    let mut bars = LoadBars::default();
    let mut engine = model.load(options, stub, &mut |progress| bars.update(progress))?;
    bars.finish();
    announce(label, engine.info(), stub);
    let mut bench = Bench::new(&engine, settings)?;
    let (mut what, mut runs) = (String::new(), 0);
    while pollster::block_on(bench.step(&mut engine))? {
        for record in &bench.records()[runs..] {
            runs += 1;
            note(&format!(
                "run {runs}: prefill {:.2} tok/s, decode {:.2} tok/s",
                record.prefill_tok_s().unwrap_or(f64::NAN),
                record.decode_tok_s().unwrap_or(f64::NAN),
            ));
        }
        let progress = bench.progress();
        if progress.what != what {
            what.clone_from(&progress.what);
            note(&what);
        }
    }
    let model = display_name(engine.info(), label);
    Ok(bench.report(&engine, stub, model))
}

/// Reads an earlier result.
fn earlier(path: &Path) -> Result<BenchReport> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{} could not be read", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} holds no result of bench --json", path.display()))
}
