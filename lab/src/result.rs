//! Results of experiments: one JSON format, regardless of which program ran them.

use serde::{Deserialize, Serialize};

use super::Experiment;
use super::finding::Finding;
use crate::experiments::ablate::AblateData;
use crate::experiments::bare::BareData;
use crate::experiments::chain::ChainData;
use crate::experiments::kernels::KernelsData;
use crate::experiments::ladder::LadderData;
use crate::experiments::lengths::StatsData;
use crate::experiments::load::LoadData;
use crate::experiments::parity::ParityData;
use crate::experiments::simulate::SimulateData;
use crate::experiments::stub::StubData;
use crate::old_names::backend_name;
use crate::stub::{LoadedModel, StubLevel};
use llamaglass_types::clock::{clock, unix_time_seconds};
use llamaglass_types::timing::Clock;

/// Version of the result format; raised when a field is removed or changes its meaning.
/// `docs/lab-result.schema.json` describes the format.
pub const SCHEMA_VERSION: u32 = 1;

/// Result of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LabResult {
    /// Version of this format.
    pub schema_version: u32,
    /// Name and version of the program.
    pub program: String,
    /// Start time, in seconds since 1970.
    pub begun_unix_s: i64,
    /// The result as sentences, most important first.
    pub findings: Vec<Finding>,
    /// The measured model and machine; `None` if the experiment needed only a tokenizer or a formula.
    pub machine: Option<Machine>,
    /// Clock of every time that names no other clock.
    pub clock: Clock,
    /// Seed of all random draws.
    pub seed: u64,
    /// Data of the experiment, tagged with its name.
    #[serde(flatten)]
    pub data: Data,
}

/// Data of a result, by experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "experiment", rename_all = "snake_case")]
pub enum Data {
    /// `stats`
    Stats(StatsData),
    /// `bare`
    Bare(BareData),
    /// `ladder`
    Ladder(LadderData),
    /// `load`
    Load(LoadData),
    /// `parity`
    Parity(ParityData),
    /// `chain`
    Chain(Box<ChainData>),
    /// `ablate`
    Ablate(AblateData),
    /// `simulate`
    Simulate(Box<SimulateData>),
    /// `stub`
    Stub(StubData),
    /// `kernels`
    Kernels(KernelsData),
}

/// The model, and the machine that ran it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Machine {
    /// Name of the model.
    pub model: String,
    /// File format, if known.
    pub format: String,
    /// Tensor type that holds most bytes of the weights.
    pub quantisation: String,
    /// Number of parameters.
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
    /// True if the adapter is a software renderer on the CPU.
    pub software: bool,
    /// Reason why `auto` chose no GPU; `None` if it did or was not used.
    pub fallback_reason: Option<String>,
    /// Forward path: fast or reference.
    pub path: String,
    /// Variant of the custom kernels, on the fast path.
    pub variant: Option<String>,
    /// Number of threads that compute, on the CPU's fast path.
    pub threads: Option<usize>,
    /// Instruction set of the CPU's kernels, on the CPU's fast path.
    pub instruction_set: Option<String>,
    /// Maximum KV cache positions per request.
    pub context_length: usize,
    /// Maximum number of concurrent requests.
    pub batch: usize,
    /// Level at which the request path was cut short.
    pub stub: StubLevel,
}

impl Machine {
    /// Builds the description from `info` for the model named `model`.
    pub fn of(info: &LoadedModel, model: &str) -> Self {
        let backend = &info.backend;
        Self {
            model: model.to_owned(),
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
            variant: info.variant.map(|variant| variant.name().to_owned()),
            threads: backend.threads,
            instruction_set: backend.instruction_set.map(|set| set.name().to_owned()),
            context_length: info.context_length,
            batch: info.batch,
            stub: info.stub,
        }
    }
}

impl Data {
    /// Returns the experiment that the data belongs to.
    pub const fn experiment(&self) -> Experiment {
        match self {
            Self::Stats(_) => Experiment::Stats,
            Self::Bare(_) => Experiment::Bare,
            Self::Ladder(_) => Experiment::Ladder,
            Self::Load(_) => Experiment::Load,
            Self::Parity(_) => Experiment::Parity,
            Self::Chain(_) => Experiment::Chain,
            Self::Ablate(_) => Experiment::Ablate,
            Self::Simulate(_) => Experiment::Simulate,
            Self::Stub(_) => Experiment::Stub,
            Self::Kernels(_) => Experiment::Kernels,
        }
    }

    /// Returns the result as sentences.
    pub fn findings(&self) -> Vec<Finding> {
        match self {
            Self::Stats(data) => data.findings(),
            Self::Bare(data) => data.findings(),
            Self::Ladder(data) => data.findings(),
            Self::Load(data) => data.findings(),
            Self::Parity(data) => data.findings(),
            Self::Chain(data) => data.findings(),
            Self::Ablate(data) => data.findings(),
            Self::Simulate(data) => data.findings(),
            Self::Stub(data) => data.findings(),
            Self::Kernels(data) => data.findings(),
        }
    }
}

impl LabResult {
    /// Creates the result of an experiment that began `begun_unix_s` seconds after 1970.
    pub fn new(begun_unix_s: i64, machine: Option<Machine>, seed: u64, data: Data) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            program: format!("llamaglass {}", env!("CARGO_PKG_VERSION")),
            begun_unix_s,
            findings: data.findings(),
            machine,
            clock: clock(),
            seed,
            data,
        }
    }

    /// Creates the result of an experiment that began just now.
    pub fn now(machine: Option<Machine>, seed: u64, data: Data) -> Self {
        Self::new(unix_time_seconds(), machine, seed, data)
    }
}
