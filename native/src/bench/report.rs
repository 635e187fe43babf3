//! What a bench found: one JSON, and the same figures as a table.

use std::fmt::Write;

use llamaglass_engine::stats::{Quantiles, Range, Record, StepStats};
use llamaglass_engine::timing::{Clock, KernelTime, LoadTiming, StepKind, StepTiming};
use llamaglass_engine::{BackendInfo, MemoryLedger, ModelInfo};
use serde::{Deserialize, Serialize};

use super::compare::Comparison;
use super::roof::UnderRoof;
use crate::load::display_name;
use crate::output::bytes;
use crate::timing_table;

/// Raised when a field changes its meaning or goes.
const SCHEMA_VERSION: u32 = 1;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Random ids of each prompt.
    pub prompt_tokens: usize,
    /// Tokens generated in each run.
    pub gen_tokens: usize,
    /// Measured runs.
    pub repeat: usize,
    /// Runs before them.
    pub warmup: usize,
    /// Seed of the prompts' ids.
    pub seed: u64,
    /// Positions of the KV cache.
    pub context_length: usize,
    /// Lengths of the prompts after which milliseconds a token are measured apart.
    #[serde(default)]
    pub positions: Vec<usize>,
}

/// Milliseconds a token after a prompt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AtPosition {
    /// Ids of the prompt.
    pub position: usize,
    /// From token to token.
    pub tpot_ms: Quantiles,
}

/// One run's rates.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Run {
    /// Prompt tokens computed a second.
    pub prefill_tok_s: Option<f64>,
    /// Tokens a second after the first.
    pub decode_tok_s: Option<f64>,
    /// Milliseconds to the first token.
    pub ttft_ms: Option<f64>,
}

/// What a bench found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BenchReport {
    /// The version of this structure.
    pub schema_version: u32,
    /// The model's name.
    pub model: String,
    /// The file format.
    pub format: String,
    /// The tensor type that most of the weights' bytes have.
    pub quantisation: String,
    /// How many weights there are.
    pub parameters: u64,
    /// wgpu or flex.
    pub backend: String,
    /// The graphics API.
    pub api: String,
    /// The adapter's name.
    pub adapter: String,
    /// The driver's name and version.
    pub driver: String,
    /// Whether the adapter is a program on the CPU.
    pub software: bool,
    /// Why `auto` took no GPU, where it did not.
    pub fallback_reason: Option<String>,
    /// How a step is computed: fast (own kernels) or reference (burn's operations).
    pub path: String,
    /// What was asked for.
    pub settings: Settings,
    /// Prompt tokens computed a second, over the runs.
    pub prefill_tok_s: Option<Range>,
    /// Tokens a second after the first, over the runs.
    pub decode_tok_s: Option<Range>,
    /// Milliseconds to the first token, over the runs.
    pub ttft_ms: Option<Range>,
    /// Milliseconds from token to token, over all tokens of all runs.
    pub tpot_ms: Option<Quantiles>,
    /// Each run by itself, in order.
    #[serde(default)]
    pub runs: Vec<Run>,
    /// Milliseconds a token against the position, where it was asked for.
    #[serde(default)]
    pub positions: Vec<AtPosition>,
    /// Each kernel by itself, where it was asked for: prefill, then decode.
    #[serde(default)]
    pub kernels: Vec<KernelTime>,
    /// What the device can do at most, where it was asked for.
    pub roofline: Option<UnderRoof>,
    /// Against an earlier result, where it was asked for.
    pub comparison: Option<Comparison>,
    /// The prefill steps of all runs.
    pub prefill: StepStats,
    /// The decode steps of all runs.
    pub decode: StepStats,
    /// The clock all of it was read from.
    pub clock: Option<Clock>,
    /// Bytes on the device.
    pub memory: MemoryLedger,
    /// Where the load's time went.
    pub load: LoadTiming,
}

impl BenchReport {
    /// The figures of `records`.
    pub fn new(info: &ModelInfo, label: &str, settings: Settings, records: &[Record]) -> Self {
        let range = |figure: fn(&Record) -> Option<f64>| {
            let values: Vec<f64> = records.iter().filter_map(figure).collect();
            Range::of(&values)
        };
        let gaps: Vec<f64> = records.iter().flat_map(Record::tpot_ms).collect();
        let steps: Vec<StepTiming> = records.iter().flat_map(|r| r.steps.clone()).collect();
        let backend: &BackendInfo = &info.backend;
        Self {
            schema_version: SCHEMA_VERSION,
            model: display_name(info, label),
            format: info.format.clone(),
            quantisation: info.quantisation.clone(),
            parameters: info.parameters,
            backend: backend.backend.name().to_owned(),
            api: backend.api.clone(),
            adapter: backend.adapter.clone(),
            driver: backend.driver.clone(),
            software: backend.software,
            fallback_reason: backend.fallback_reason.clone(),
            path: info.path.name().to_owned(),
            settings,
            prefill_tok_s: range(Record::prefill_tok_s),
            decode_tok_s: range(Record::decode_tok_s),
            ttft_ms: range(Record::ttft_ms),
            tpot_ms: Quantiles::of(&gaps),
            runs: records
                .iter()
                .map(|record| Run {
                    prefill_tok_s: record.prefill_tok_s(),
                    decode_tok_s: record.decode_tok_s(),
                    ttft_ms: record.ttft_ms(),
                })
                .collect(),
            positions: Vec::new(),
            kernels: Vec::new(),
            roofline: None,
            comparison: None,
            prefill: StepStats::of(&steps, StepKind::Prefill),
            decode: StepStats::of(&steps, StepKind::Decode),
            clock: steps.first().map(|step| step.clock),
            memory: info.memory,
            load: info.load,
        }
    }

    /// The same figures for people.
    pub fn table(&self) -> String {
        let mut out = String::new();
        let Settings {
            prompt_tokens,
            gen_tokens,
            repeat,
            ..
        } = self.settings;
        let _infallible = writeln!(
            out,
            "{} {}, {prompt_tokens} prompt + {gen_tokens} generated tokens, {repeat} runs, {} on the device\n{}\n",
            self.model,
            self.quantisation,
            bytes(self.memory.total()),
            self.backend_line(),
        );
        let _infallible = writeln!(out, "{:<18}{:>12}{:>12}{:>12}", "", "min", "median", "max");
        let ranges = [
            ("prefill tok/s", self.prefill_tok_s),
            ("decode tok/s", self.decode_tok_s),
            ("first token, ms", self.ttft_ms),
        ];
        for (name, range) in ranges {
            if let Some(Range { min, median, max }) = range {
                let _infallible = writeln!(out, "{name:<18}{min:>12.2}{median:>12.2}{max:>12.2}");
            }
        }
        if let Some(Quantiles { p50, p95 }) = self.tpot_ms {
            let _infallible = writeln!(out, "per token, ms: {p50:.3} p50, {p95:.3} p95");
        }
        out.push('\n');
        out.push_str(&timing_table::stages(&self.prefill, &self.decode));
        for (kind, stats) in [("prefill", &self.prefill), ("decode", &self.decode)] {
            let spans = stats
                .spans
                .iter()
                .map(|s| format!("{} {:.3}", s.name, s.ms.p50));
            let spans: Vec<String> = spans.collect();
            let _infallible = writeln!(out, "{kind} spans, ms p50: {}", spans.join(", "));
        }
        for AtPosition { position, tpot_ms } in &self.positions {
            let Quantiles { p50, p95 } = tpot_ms;
            let _infallible = writeln!(
                out,
                "at position {position}: {p50:.3} ms a token p50, {p95:.3} p95",
            );
        }
        if !self.kernels.is_empty() {
            let _infallible = writeln!(
                out,
                "kernels, each in a pass of its own on the device's clock (which perturbs), ms a step:",
            );
        }
        for kernel in &self.kernels {
            let KernelTime {
                kind,
                name,
                launches,
                ms,
            } = kernel;
            let kind = kind.name();
            let _infallible = writeln!(out, "{kind:<8}{name:<34}{launches:>5} x{ms:>10.3}");
        }
        if let Some(roofline) = &self.roofline {
            out.push_str(&roofline.table());
        }
        if let Some(comparison) = &self.comparison {
            out.push_str(&comparison.table());
        }
        if let Some(clock) = &self.clock {
            let _infallible = writeln!(out, "clock: {}", timing_table::clock_line(clock));
        }
        out
    }

    fn backend_line(&self) -> String {
        format!(
            "{} ({}) on {}, driver {}",
            self.backend, self.api, self.adapter, self.driver
        )
    }
}
