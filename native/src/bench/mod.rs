//! `llamaglass bench`: how fast, and where each step's time goes.

mod measure;
mod table;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use llamaglass_engine::bench::{BenchReport, Comparison, Settings, UnderRoof};
use llamaglass_engine::{ForwardPath, LoadOptions};

use crate::cli::BenchArgs;
use crate::engine_thread::run_apart;
use crate::load::{LoadBars, announce, display_name};
use crate::model::Model;
use crate::output;

/// Runs the command.
pub fn run(args: &BenchArgs) -> Result<ExitCode> {
    let settings = Settings {
        prompt_tokens: args.prompt_tokens,
        gen_tokens: args.gen_tokens,
        repeat: args.repeat,
        warmup: args.warmup,
        seed: args.seed,
        context_length: 0,
        kv: args.backend.kv,
        positions: args.positions.clone(),
        batches: args.batch.clone(),
    };
    // Before anything is measured: a wrong name must not cost a run.
    let earlier = args.compare.as_deref().map(earlier).transpose()?;
    let extra = Extra {
        roofline: args.roofline,
        kernels: args.kernels,
    };
    let model = Model::from_args(&args.model)?;
    let label = model.label();
    let options = options(args)?;
    let mut report = run_apart(move || bench(&model, &label, &options, settings, extra))?;
    report.comparison = earlier.map(|earlier| Comparison::new(&report, &earlier));
    if args.json {
        output::json(&report)?;
    } else {
        output::print(&table::table(&report))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What else is measured.
#[derive(Clone, Copy)]
struct Extra {
    roofline: bool,
    kernels: bool,
}

/// A cache that holds a run, where nobody asked for another.
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
    options: &LoadOptions,
    mut settings: Settings,
    extra: Extra,
) -> Result<BenchReport> {
    let mut bars = LoadBars::default();
    let mut engine = model.load(options, &mut |progress| bars.update(progress))?;
    bars.finish();
    announce(label, engine.info());
    let Extra { roofline, kernels } = extra;
    if (roofline || kernels) && engine.info().path != ForwardPath::Fast {
        bail!(
            "--roofline and --kernels measure the fast path on a GPU adapter, and this is not on it"
        );
    }
    settings.context_length = engine.info().context_length;
    settings.check()?;
    let model = display_name(engine.info(), label);
    let records = measure::measure(&mut engine, &settings)?;
    let positions = measure::positions(&mut engine, &settings)?;
    let mut report = BenchReport::new(engine.info(), model, settings, &records);
    report.positions = positions;
    report.batches = measure::batches(&mut engine, &report.settings)?;
    if kernels {
        report.kernels = measure::kernels(&mut engine, &report.settings)?;
    }
    if roofline {
        let measured = pollster::block_on(engine.measure_roofline())?;
        let rates = report.prefill_tok_s.zip(report.decode_tok_s);
        if let (Some(roofline), Some((prefill, decode))) = (measured, rates) {
            let rates = (prefill.median, decode.median);
            let under = UnderRoof::new(roofline, engine.info(), &report.settings, rates);
            report.roofline = Some(under);
        }
    }
    Ok(report)
}

/// An earlier result.
///
/// # Errors
/// Where the file can't be read, or holds something else.
fn earlier(path: &Path) -> Result<BenchReport> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{} could not be read", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} holds no result of bench --json", path.display()))
}
