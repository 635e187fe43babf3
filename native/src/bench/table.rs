//! Benchmark results as a table for people.

use std::fmt::Write;

use llamaglass_engine::stats::{Quantiles, Range};
use llamaglass_engine::timing::KernelTime;
use llamaglass_engine::{Roofline, ThreadRates, describe_cpu, thread_count};
use llamaglass_lab::bench::{AtPosition, BenchReport, Comparison, Ratio, Settings, UnderRoof};
use llamaglass_report::bytes;

use crate::timing_table;

pub fn table(report: &BenchReport) -> String {
    let mut out = String::new();
    let Settings {
        prompt_tokens,
        gen_tokens,
        repeat,
        ..
    } = report.settings;
    let _infallible = writeln!(
        out,
        "{} {}, {prompt_tokens} prompt + {gen_tokens} generated tokens, {repeat} runs, {} on the device\n{}\n",
        report.model,
        report.quantisation,
        bytes(report.memory.total()),
        backend_line(report),
    );
    let _infallible = writeln!(out, "{:<18}{:>12}{:>12}{:>12}", "", "min", "median", "max");
    let ranges = [
        ("prefill tok/s", report.prefill_tok_s),
        ("decode tok/s", report.decode_tok_s),
        ("first token, ms", report.ttft_ms),
    ];
    for (name, range) in ranges {
        if let Some(Range { min, median, max }) = range {
            let _infallible = writeln!(out, "{name:<18}{min:>12.2}{median:>12.2}{max:>12.2}");
        }
    }
    if let Some(Quantiles { p50, p95 }) = report.tpot_ms {
        let _infallible = writeln!(out, "per token, ms: {p50:.3} p50, {p95:.3} p95");
    }
    out.push('\n');
    out.push_str(&timing_table::stages(&report.prefill, &report.decode));
    for (kind, stats) in [("prefill", &report.prefill), ("decode", &report.decode)] {
        let spans = stats
            .spans
            .iter()
            .map(|s| format!("{} {:.3}", s.name, s.ms.p50));
        let spans: Vec<String> = spans.collect();
        let _infallible = writeln!(out, "{kind} spans, ms p50: {}", spans.join(", "));
    }
    for AtPosition { position, tpot_ms } in &report.positions {
        let Quantiles { p50, p95 } = tpot_ms;
        let _infallible = writeln!(
            out,
            "at position {position}: {p50:.3} ms a token p50, {p95:.3} p95",
        );
    }
    for at in &report.batches {
        let (Some(rate), Some(tpot)) = (at.decode_tok_s, at.tpot_ms) else {
            continue;
        };
        let _infallible = writeln!(
            out,
            "batch {}: {:.2} tok/s together ({:.2} to {:.2}), {:.3} ms a token p50, {:.3} p95",
            at.batch, rate.median, rate.min, rate.max, tpot.p50, tpot.p95,
        );
    }
    if !report.kernels.is_empty() {
        let _infallible = writeln!(
            out,
            "kernels{}, ms a step; what\nthey have to move and compute at least, a second{}:",
            if report.device_clock.is_some() {
                ", each in a pass of its own on the device's clock (which perturbs)"
            } else {
                " on the CPU"
            },
            if report.roofline.is_some() {
                ", and the share of what the device can do at most"
            } else {
                ""
            },
        );
    }
    for kernel in &report.kernels {
        let KernelTime {
            kind,
            name,
            launches,
            ms,
            ..
        } = kernel;
        let kind = kind.name();
        let roofline = report.roofline.as_ref().map(|under| &under.roofline);
        let rate = |rate: Option<f64>, most: Option<f64>, unit: &str| {
            let share = rate.zip(most).map(|(rate, most)| 100.0 * rate / most);
            let share = share.map_or_else(String::new, |share| format!(" {share:>3.0} %"));
            rate.map_or_else(String::new, |rate| format!("{rate:>9.2} {unit}{share}"))
        };
        let bytes = rate(kernel.gb_s(), roofline.map(Roofline::gb_s), "GB/s");
        let flop = rate(
            kernel.gflop_s(),
            roofline.map(|roof| roof.gflop_s),
            "GFLOP/s",
        );
        let _infallible = writeln!(
            out,
            "{kind:<8}{name:<34}{launches:>5} x{ms:>10.3}{bytes}{flop}"
        );
    }
    if let Some(roofline) = &report.roofline {
        out.push_str(&under_roof(roofline));
    }
    if let Some(comparison) = &report.comparison {
        out.push_str(&compared(comparison));
    }
    if let Some(clock) = &report.clock {
        let _infallible = writeln!(out, "clock: {}", llamaglass_report::clock(clock));
    }
    if let Some(clock) = &report.device_clock {
        let line = llamaglass_report::clock(clock);
        let _infallible = writeln!(out, "clock of gpu and kernels: {line}");
    }
    out
}

fn backend_line(report: &BenchReport) -> String {
    let BenchReport {
        backend,
        api,
        adapter,
        driver,
        ..
    } = report;
    let cpu = describe_cpu(report.instruction_set, report.threads);
    let cpu = cpu.map_or_else(String::new, |cpu| format!(", {cpu}"));
    format!("{backend} ({api}{cpu}) on {adapter}, driver {driver}")
}

fn under_roof(under: &UnderRoof) -> String {
    let UnderRoof {
        roofline,
        decode_gb_s,
        decode_share,
        prefill_gflop_s,
        prefill_share,
        ..
    } = under;
    let [decode, prefill] = [decode_share, prefill_share].map(|share| 100.0 * share);
    let mut out = String::new();
    let _infallible = writeln!(
        out,
        "decode reads {decode_gb_s:.2} GB/s, {decode:.0} % of a {}'s {:.2}",
        roofline.memory.noun(),
        roofline.gb_s(),
    );
    let _infallible = writeln!(
        out,
        "prefill computes {prefill_gflop_s:.1} GFLOP/s, {prefill:.0} % of multiply-adds' {:.1}",
        roofline.gflop_s,
    );
    for rates in &roofline.by_threads {
        let ThreadRates {
            threads,
            read_gb_s,
            gflop_s,
        } = rates;
        let threads = thread_count(*threads);
        let _infallible = writeln!(
            out,
            "peak rates of {threads}: a read's {read_gb_s:.2} GB/s, multiply-adds' {gflop_s:.1} GFLOP/s",
        );
    }
    out
}

fn compared(comparison: &Comparison) -> String {
    let mut out = String::new();
    for difference in &comparison.differs {
        let _infallible = writeln!(out, "not the same: {difference}");
    }
    for (name, ratio) in [
        ("prefill", comparison.prefill),
        ("decode", comparison.decode),
    ] {
        let Some(ratio) = ratio else { continue };
        let Ratio {
            of_medians,
            least,
            most,
        } = ratio;
        let verdict = if ratio.is_certain() {
            ""
        } else {
            ": no difference measured, the runs overlap"
        };
        let _infallible = writeln!(
            out,
            "{name}: {of_medians:.3} times the earlier rate ({least:.3} to {most:.3}){verdict}",
        );
    }
    out
}
