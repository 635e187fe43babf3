//! The result of a benchmark as one JSON structure, wherever it ran.

use llamaglass_shaders::Variant;
use serde::{Deserialize, Serialize};

use super::batch::AtBatch;
use super::compare::{Comparison, Ratio};
use super::roof::UnderRoof;
use super::runs::Settings;
use crate::old_names::backend_name;
use crate::stub::{LoadedModel, StubLevel};
use llamaglass_types::stats::{Quantiles, Range, Record, StepStats, device_clock};
use llamaglass_types::timing::{Clock, KernelTime, LoadTiming, StepKind, StepTiming};
use llamaglass_types::{BackendInfo, InstructionSet, MemoryLedger};

/// Incremented when a field changes its meaning or is removed.
const SCHEMA_VERSION: u32 = 2;

/// Time per token after a prompt of some length.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AtPosition {
    /// Number of prompt ids.
    pub position: usize,
    /// Milliseconds from one token to the next.
    pub tpot_ms: Quantiles,
}

/// Rates of one run.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct RunRates {
    /// Prompt tokens computed per second.
    pub prefill_tok_s: Option<f64>,
    /// Tokens per second after the first.
    pub decode_tok_s: Option<f64>,
    /// Time to first token, in milliseconds.
    pub ttft_ms: Option<f64>,
}

/// Result of a benchmark.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BenchReport {
    /// Version of this structure.
    pub schema_version: u32,
    /// Name of the model.
    pub model: String,
    /// File format of the model.
    pub format: String,
    /// Tensor type that most of the weights' bytes have.
    pub quantisation: String,
    /// Number of weights.
    pub parameters: u64,
    /// Backend: wgpu or cpu.
    #[serde(deserialize_with = "backend_name")]
    pub backend: String,
    /// Graphics API.
    pub api: String,
    /// Name of the adapter.
    pub adapter: String,
    /// Name and version of the driver.
    pub driver: String,
    /// True if the adapter is implemented in software on the CPU.
    pub software: bool,
    /// Reason why `auto` chose no GPU, if it did not.
    pub fallback_reason: Option<String>,
    /// Forward path: fast (own kernels) or reference (burn's operations).
    pub path: String,
    /// Level at which a request's path was cut short.
    #[serde(default)]
    pub stub: StubLevel,
    /// Variant of our own kernels, on the fast path.
    #[serde(default)]
    pub variant: Option<Variant>,
    /// Number of threads that compute, on the CPU's fast path.
    pub threads: Option<usize>,
    /// Instruction set of the CPU's kernels, on the CPU's fast path.
    pub instruction_set: Option<InstructionSet>,
    /// Settings of the benchmark.
    pub settings: Settings,
    /// Prompt tokens computed per second; range over the runs.
    pub prefill_tok_s: Option<Range>,
    /// Tokens per second after the first; range over the runs.
    pub decode_tok_s: Option<Range>,
    /// Time to first token in milliseconds; range over the runs.
    pub ttft_ms: Option<Range>,
    /// Time per output token in milliseconds, over all tokens of all runs.
    pub tpot_ms: Option<Quantiles>,
    /// Rates of each run, in order.
    #[serde(default)]
    pub runs: Vec<RunRates>,
    /// Time per token at each requested position.
    #[serde(default)]
    pub positions: Vec<AtPosition>,
    /// Figures for each requested batch size.
    #[serde(default)]
    pub batches: Vec<AtBatch>,
    /// Time of each kernel in a prefill and then in a decode step, if requested.
    #[serde(default)]
    pub kernels: Vec<KernelTime>,
    /// Shares of the device's peak rates, if requested.
    pub roofline: Option<UnderRoof>,
    /// Comparison with an earlier result, if requested.
    pub comparison: Option<Comparison>,
    /// Prefill steps of all runs.
    pub prefill: StepStats,
    /// Decode steps of all runs.
    pub decode: StepStats,
    /// Clock of all figures, except those of the device.
    pub clock: Option<Clock>,
    /// Clock of the device's figures, if it has one.
    #[serde(default)]
    pub device_clock: Option<Clock>,
    /// Device memory in bytes.
    pub memory: MemoryLedger,
    /// Breakdown of the time to load the model.
    pub load: LoadTiming,
}

impl BenchReport {
    /// Computes the figures of `records`, which are runs of the model called `model`.
    pub fn new(info: &LoadedModel, model: String, settings: Settings, records: &[Record]) -> Self {
        let range = |figure: fn(&Record) -> Option<f64>| {
            let values: Vec<f64> = records.iter().filter_map(figure).collect();
            Range::of(&values)
        };
        let gaps: Vec<f64> = records.iter().flat_map(Record::tpot_ms).collect();
        let steps: Vec<StepTiming> = records.iter().flat_map(|r| r.steps.clone()).collect();
        let backend: &BackendInfo = &info.backend;
        Self {
            schema_version: SCHEMA_VERSION,
            model,
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
            stub: info.stub,
            variant: info.variant,
            threads: backend.threads,
            instruction_set: backend.instruction_set,
            settings,
            prefill_tok_s: range(Record::prefill_tok_s),
            decode_tok_s: range(Record::decode_tok_s),
            ttft_ms: range(Record::ttft_ms),
            tpot_ms: Quantiles::of(&gaps),
            runs: records
                .iter()
                .map(|record| RunRates {
                    prefill_tok_s: record.prefill_tok_s(),
                    decode_tok_s: record.decode_tok_s(),
                    ttft_ms: record.ttft_ms(),
                })
                .collect(),
            positions: Vec::new(),
            batches: Vec::new(),
            kernels: Vec::new(),
            roofline: None,
            comparison: None,
            prefill: StepStats::of(&steps, StepKind::Prefill),
            decode: StepStats::of(&steps, StepKind::Decode),
            clock: steps.first().map(|step| step.clock),
            device_clock: device_clock(&steps),
            memory: info.memory,
            load: info.load.clone(),
        }
    }
}

impl Comparison {
    /// Compares `now` with `before`.
    pub fn new(now: &BenchReport, before: &BenchReport) -> Self {
        let mut differs = Vec::new();
        let mut check = |name: &str, now: &dyn ToString, before: &dyn ToString| {
            let (now, before) = (now.to_string(), before.to_string());
            if now != before {
                differs.push(format!("{name}: {now}, before {before}"));
            }
        };
        check("model", &now.model, &before.model);
        check("quantisation", &now.quantisation, &before.quantisation);
        check("backend", &now.backend, &before.backend);
        check("adapter", &now.adapter, &before.adapter);
        check("driver", &now.driver, &before.driver);
        check("path", &now.path, &before.path);
        let name = |set: Option<InstructionSet>| set.map_or("none", InstructionSet::name);
        let (a, b) = (name(now.instruction_set), name(before.instruction_set));
        check("instruction set", &a, &b);
        let threads = [now, before].map(|report| report.threads.unwrap_or(0));
        check("threads", &threads[0], &threads[1]);
        check("stub level", &now.stub, &before.stub);
        let (a, b) = (&now.settings, &before.settings);
        check("prompt tokens", &a.prompt_tokens, &b.prompt_tokens);
        check("generated tokens", &a.gen_tokens, &b.gen_tokens);
        check("context", &a.context_length, &b.context_length);
        check("KV cache", &a.kv.name(), &b.kv.name());
        check("activations", &a.activations.name(), &b.activations.name());
        Self {
            differs,
            prefill: Ratio::of(now.prefill_tok_s, before.prefill_tok_s),
            decode: Ratio::of(now.decode_tok_s, before.decode_tok_s),
        }
    }
}
