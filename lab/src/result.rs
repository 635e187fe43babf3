//! What an experiment found: one JSON, whoever ran it.

use serde::{Deserialize, Serialize};

use super::Experiment;
use crate::experiments::ablate::AblateData;
use crate::experiments::bare::BareData;
use crate::experiments::chain::ChainData;
use super::finding::Finding;
use crate::experiments::kernels::KernelsData;
use crate::experiments::ladder::LadderData;
use crate::experiments::lengths::StatsData;
use crate::experiments::load::LoadData;
use crate::experiments::parity::ParityData;
use crate::experiments::simulate::SimulateData;
use crate::experiments::stub::StubData;
use llamaglass_engine::{ModelInfo, StubLevel};
use llamaglass_engine::platform::{clock, unix_time_seconds};
use llamaglass_engine::timing::Clock;

/// Raised when a field changes its meaning or goes. `docs/lab-result.schema.json` describes it.
pub const SCHEMA_VERSION: u32 = 1;

/// What an experiment found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LabResult {
    /// The version of this structure.
    pub schema_version: u32,
    /// The program's version.
    pub program: String,
    /// When it began, in seconds since 1970.
    pub begun_unix_s: i64,
    /// What it says in sentences, the most important first.
    pub findings: Vec<Finding>,
    /// What was measured; nothing where only a tokenizer was needed, or a formula.
    pub machine: Option<Machine>,
    /// The clock of every time that names no other.
    pub clock: Clock,
    /// The seed of all that was drawn.
    pub seed: u64,
    /// What was found, under the experiment's name.
    #[serde(flatten)]
    pub data: Data,
}

/// What an experiment found, by which it is.
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

/// What ran the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Machine {
    /// The model's name.
    pub model: String,
    /// The file format, where it is known.
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
    /// How a step is computed: fast or reference.
    pub path: String,
    /// Which variant of our own kernels, on the fast path.
    pub variant: Option<String>,
    /// Positions of the KV cache of a request.
    pub context_length: usize,
    /// Requests that are answered at once.
    pub batch: usize,
    /// How far the path of requests was followed.
    pub stub: StubLevel,
}

impl Machine {
    /// What `info` says, of the model called `model`.
    pub fn of(info: &ModelInfo, model: &str) -> Self {
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
            context_length: info.context_length,
            batch: info.batch,
            stub: info.stub,
        }
    }
}

impl Data {
    /// Which experiment found it.
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

    /// What it says in sentences.
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
    /// Of `data` that was found by now, of what began `begun_unix_s` seconds after 1970.
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

    /// The same of what began right now and took no time.
    pub fn now(machine: Option<Machine>, seed: u64, data: Data) -> Self {
        Self::new(unix_time_seconds(), machine, seed, data)
    }
}
