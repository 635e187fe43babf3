//! Timing tables for people: one line per step, and a summary by stage.

use std::fmt::Write;

use llamaglass_engine::stats::{Quantiles, Record, StepStats, Summary};
use llamaglass_engine::timing::{Stage, StepKind, StepTiming};
use llamaglass_report::clock;

/// The columns of a step, in order.
const COLUMNS: [&str; 6] = ["preprocess", "forward", "sampling", "text", "rest", "wall"];

/// Returns one line per step with the milliseconds of each stage.
pub fn tokens(record: &Record) -> String {
    let mut out = format!("{:>5} {:>8}", "token", "id");
    for column in COLUMNS {
        let _infallible = write!(out, " {column:>10}");
    }
    out.push('\n');
    let first = record.steps.len().saturating_sub(record.ids.len());
    for (index, step) in record.steps.iter().enumerate() {
        let picked = index
            .checked_sub(first)
            .and_then(|n| Some((n, record.ids.get(n)?)));
        let head = match picked {
            Some((n, id)) => format!("{n:>5} {id:>8}"),
            None => format!("{:>5} {:>8}", "-", "prefill"),
        };
        let _infallible = write!(out, "{head}");
        for ms in milliseconds(step) {
            let _infallible = write!(out, " {ms:>10.3}");
        }
        if step.kind == StepKind::Prefill {
            let _infallible = write!(out, "  prefill of {}", step.tokens);
        }
        out.push('\n');
    }
    out
}

fn milliseconds(step: &StepTiming) -> impl Iterator<Item = f64> {
    let stages = Stage::STEP.map(|stage| step.stage(stage));
    stages.into_iter().chain([step.residue_ms(), step.wall_ms])
}

/// Returns the statistics of a request as text.
pub fn summary(summary: &Summary) -> String {
    let mut out = String::new();
    let known = |value: Option<f64>, unit: &str| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2} {unit}"))
    };
    let tpot = summary.tpot_ms.map_or_else(
        || "-".to_owned(),
        |tpot| format!("{:.2} ms p50, {:.2} ms p95", tpot.p50, tpot.p95),
    );
    let _infallible = write!(
        out,
        "prompt   {} tokens ({} reused), {}; first token after {}\nanswer   {} tokens, {}; per token {tpot}\n",
        summary.prompt_tokens,
        summary.reused_tokens,
        known(summary.prefill_tok_s, "tok/s"),
        known(summary.ttft_ms, "ms"),
        summary.completion_tokens,
        known(summary.decode_tok_s, "tok/s"),
    );
    out.push_str(&stages(&summary.prefill, &summary.decode));
    if let Some(read) = summary.clock {
        let _infallible = writeln!(out, "clock    {}", clock(&read));
    }
    if let Some(read) = summary.device_clock {
        let _infallible = writeln!(out, "device   {}", clock(&read));
    }
    out
}

/// Returns the milliseconds per step by stage, prefill and decode side by side. The device's own timings follow
/// below the wall time.
pub fn stages(prefill: &StepStats, decode: &StepStats) -> String {
    let mut out = format!(
        "{:<12}{:>12}{:>12}{:>12}{:>12}\n",
        "ms a step", "prefill p50", "p95", "decode p50", "p95"
    );
    let mut row = |name: &str, pair: [Option<Quantiles>; 2]| {
        let _infallible = write!(out, "{name:<12}");
        for quantiles in pair {
            let _infallible = match quantiles {
                Some(q) => write!(out, "{:>12.3}{:>12.3}", q.p50, q.p95),
                None => write!(out, "{:>12}{:>12}", "-", "-"),
            };
        }
        out.push('\n');
    };
    let happened = |stats: &StepStats| stats.steps > 0;
    for (index, stage) in prefill.stages.iter().enumerate() {
        let of = |stats: &StepStats| {
            let stage = stats.stages.get(index).filter(|_| happened(stats));
            stage.map(|stage| stage.ms)
        };
        row(&stage.name, [of(prefill), of(decode)]);
    }
    let wall = |stats: &StepStats| happened(stats).then_some(stats.wall_ms);
    row("wall", [wall(prefill), wall(decode)]);
    for index in 0..prefill.device.len().max(decode.device.len()) {
        let of = |stats: &StepStats| stats.device.get(index).map(|stage| stage.ms);
        let either = prefill.device.get(index).or(decode.device.get(index));
        let name = either.map_or_else(String::new, |stage| format!("gpu {}", stage.name));
        row(&name, [of(prefill), of(decode)]);
    }
    out
}
