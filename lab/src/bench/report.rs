//! What a benchmark found: one JSON, whoever ran it.

use llamaglass_shaders::Variant;
use serde::{Deserialize, Serialize};

use super::batch::AtBatch;
use super::compare::Comparison;
use super::roof::UnderRoof;
use super::runs::Settings;
use llamaglass_engine::{ModelInfo, StubLevel};
use llamaglass_engine::forward::{BackendInfo, MemoryLedger};
use llamaglass_engine::stats::{Quantiles, Range, Record, StepStats, device_clock};
use llamaglass_engine::timing::{Clock, KernelTime, LoadTiming, StepKind, StepTiming};

/// Raised when a field changes its meaning or goes.
const SCHEMA_VERSION: u32 = 2;

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
pub struct RunRates {
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
    /// How far the path of a request was followed.
    #[serde(default)]
    pub stub: StubLevel,
    /// Which variant of our own kernels, on the fast path.
    #[serde(default)]
    pub variant: Option<Variant>,
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
    pub runs: Vec<RunRates>,
    /// Milliseconds a token against the position, where it was asked for.
    #[serde(default)]
    pub positions: Vec<AtPosition>,
    /// Several requests at once, where it was asked for.
    #[serde(default)]
    pub batches: Vec<AtBatch>,
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
    /// The clock all of it was read from, but for what is said to be on the device.
    pub clock: Option<Clock>,
    /// The clock of that, where the device has one.
    #[serde(default)]
    pub device_clock: Option<Clock>,
    /// Bytes on the device.
    pub memory: MemoryLedger,
    /// Where the load's time went.
    pub load: LoadTiming,
}

impl BenchReport {
    /// The figures of `records` of the model called `model`.
    pub fn new(info: &ModelInfo, model: String, settings: Settings, records: &[Record]) -> Self {
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
