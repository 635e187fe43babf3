//! Timing tables for people: one line per step, and a summary by stage.

use std::fmt::Write;

use llamaglass_engine::stats::{Named, Quantiles, Record, StepStats, Summary};
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

/// Returns the milliseconds per step by stage, prefill and decode side by side. The parts of the model, if they were
/// measured, are indented below `forward`; the device's own timings follow below the wall time.
pub fn stages(prefill: &StepStats, decode: &StepStats) -> String {
    let mut out = format!(
        "{:<14}{:>12}{:>12}{:>12}{:>12}\n",
        "ms a step", "prefill p50", "p95", "decode p50", "p95"
    );
    let happened = |stats: &StepStats| stats.steps > 0;
    for (index, stage) in prefill.stages.iter().enumerate() {
        let of = |stats: &StepStats| {
            let stage = stats.stages.get(index).filter(|_| happened(stats));
            stage.map(|stage| stage.ms)
        };
        row(&mut out, &stage.name, [of(prefill), of(decode)]);
        if stage.name == Stage::Forward.name() {
            optional_rows(&mut out, "  ", [&prefill.parts, &decode.parts]);
        }
    }
    let wall = |stats: &StepStats| happened(stats).then_some(stats.wall_ms);
    row(&mut out, "wall", [wall(prefill), wall(decode)]);
    optional_rows(&mut out, "gpu ", [&prefill.device, &decode.device]);
    out
}

/// Appends the figures that only some executors measure, each name after `prefix`.
fn optional_rows(out: &mut String, prefix: &str, [prefill, decode]: [&[Named]; 2]) {
    for index in 0..prefill.len().max(decode.len()) {
        let of = |figures: &[Named]| figures.get(index).map(|figure| figure.ms);
        let either = prefill.get(index).or(decode.get(index));
        let label = either.map_or_else(String::new, Named::label);
        row(out, &format!("{prefix}{label}"), [of(prefill), of(decode)]);
    }
}

fn row(out: &mut String, name: &str, pair: [Option<Quantiles>; 2]) {
    let _infallible = write!(out, "{name:<14}");
    for quantiles in pair {
        let _infallible = match quantiles {
            Some(q) => write!(out, "{:>12.3}{:>12.3}", q.p50, q.p95),
            None => write!(out, "{:>12}{:>12}", "-", "-"),
        };
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use llamaglass_engine::timing::{ModelPart, Span};

    use super::*;

    #[test]
    fn parts_are_indented_below_forward() {
        let step = StepTiming {
            kind: StepKind::Prefill,
            tokens: 8,
            position: 0,
            start_ms: 0.0,
            wall_ms: 4.0,
            spans: vec![(Span::Compute, 4.0)].into(),
            clock: llamaglass_engine::platform::clock(),
            device: None,
            parts: Some(vec![(ModelPart::FeedForward, 3.0)].into()),
        };
        let stats = |kind| StepStats::of(&[step], kind);
        let table = stages(&stats(StepKind::Prefill), &stats(StepKind::Decode));
        let lines: Vec<&str> = table.lines().skip(2).take(8).collect();
        let columns = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.join(" ")
        };
        assert_eq!(columns(lines[0]), "forward 4.000 4.000 - -");
        assert_eq!(columns(lines[4]), "feed-forward 3.000 3.000 - -");
        assert!(lines[4].starts_with("  feed-forward  "), "{table}");
        assert_eq!(columns(lines[6]), "rest 1.000 1.000 - -");
        assert!(lines[7].starts_with("sampling"), "{table}");
    }
}
