//! Options and progress of a load.

use llamaglass_shaders::Variant;
use serde::{Deserialize, Serialize};
use strum::{EnumString, VariantNames};

use crate::config::ModelConfig;
use crate::cpu::{Activations, InstructionSet};
use crate::names::unknown_name;

/// Default number of positions per request, if the model has as many.
const DEFAULT_CONTEXT: usize = 4096;

/// Options for loading a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoadOptions {
    /// Backend to use.
    pub backend: BackendChoice,
    /// Part of the adapter's name to look for.
    pub adapter: Option<String>,
    /// Maximum number of positions per request; by default the model's own context, at most 4,096.
    pub context_length: Option<usize>,
    /// Maximum bytes of weights, cache and activations together.
    pub memory_limit: Option<u64>,
    /// Maximum number of prompt ids per prefill step; the default depends on the adapter.
    pub prefill_chunk: Option<usize>,
    /// Path through the model; by default the fastest that supports it.
    pub path: Option<ForwardPath>,
    /// Type of the values in the KV cache; the reference path supports f32 only.
    pub kv: KvType,
    /// Variant of the fast path's kernels; by default the fastest on the adapter. Fast path only.
    pub variant: Option<Variant>,
    /// Maximum number of running requests; one by default.
    pub batch: Option<usize>,
    /// Number of KV cache blocks (64 positions each) that requests share; by default enough for a full
    /// batch of requests as long as the context. Fast path only.
    pub kv_blocks: Option<usize>,
    /// Policy for sharing steps between prefill and decode.
    pub policy: Policy,
    /// Maximum number of steps in flight, 1 to 4; the default depends on the adapter. More than one only if
    /// the device itself samples tokens.
    pub readback_depth: Option<usize>,
    /// Number of threads of the CPU's fast path, 1 to [`MAX_THREADS`](crate::MAX_THREADS); by default the
    /// number of physical cores. Other paths ignore it.
    pub threads: Option<usize>,
    /// Precision of activations. The CPU's fast path only.
    pub activations: Activations,
    /// Instruction set of the CPU's kernels; by default the fastest that the machine has. The CPU's fast path
    /// only.
    pub instruction_set: Option<InstructionSet>,
}

impl LoadOptions {
    /// Returns the context length, in positions, that a model with this configuration is loaded with.
    pub fn context_for(&self, config: &ModelConfig) -> usize {
        let wanted = self.context_length.unwrap_or(DEFAULT_CONTEXT);
        wanted.clamp(1, config.context_length.max(1))
    }
}

/// Choice of the backend.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, EnumString, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", parse_err_ty = String, parse_err_fn = unknown_backend_choice)]
pub enum BackendChoice {
    /// wgpu on a hardware adapter, otherwise the CPU.
    #[default]
    Auto,
    /// wgpu, on software adapters too.
    Wgpu,
    /// The CPU. Older settings call it `flex`.
    #[serde(alias = "flex")]
    Cpu,
}

fn unknown_backend_choice(name: &str) -> String {
    unknown_name::<BackendChoice>("backend", name)
}

/// Implementation of the forward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumString, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", parse_err_ty = String, parse_err_fn = unknown_forward_path)]
pub enum ForwardPath {
    /// Our own kernels, on a GPU or on the CPU.
    Fast,
    /// Plain burn operations.
    Reference,
}

impl ForwardPath {
    /// Returns the path's name in flags and reports.
    pub const fn name(self) -> &'static str {
        Self::VARIANTS[self as usize]
    }
}

fn unknown_forward_path(name: &str) -> String {
    unknown_name::<ForwardPath>("path", name)
}

/// Type of the values in the KV cache.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, EnumString, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", parse_err_ty = String, parse_err_fn = unknown_kv_type)]
pub enum KvType {
    /// As computed.
    #[default]
    F32,
    /// Rounded to f16, which halves the memory and the bytes that attention reads.
    F16,
}

impl KvType {
    /// Returns the type's name in flags and reports.
    pub const fn name(self) -> &'static str {
        Self::VARIANTS[self as usize]
    }
}

fn unknown_kv_type(name: &str) -> String {
    unknown_name::<KvType>("KV cache type", name)
}

/// Policy for sharing steps between prefill and decode.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, EnumString, VariantNames,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = String, parse_err_fn = unknown_policy)]
pub enum Policy {
    /// Prefill goes before decode, which gives the earliest first token.
    #[default]
    PrefillFirst,
    /// Each step has one row per decoding sequence and fills its remaining rows with prefill chunks, which
    /// gives the most even token rate.
    Balanced,
}

fn unknown_policy(name: &str) -> String {
    unknown_name::<Policy>("policy", name)
}

/// The phases of a load, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum LoadPhase {
    /// Fetching files; reported by the code that fetches them.
    Download,
    /// Reading headers, tokenizer and chat template.
    Parse,
    /// Copying weights to the device.
    Upload,
    /// Running warm-up steps, which compile the kernels.
    Compile,
}

impl LoadPhase {
    /// Returns the phase's display name.
    pub const fn name(self) -> &'static str {
        Self::VARIANTS[self as usize]
    }
}

/// Progress of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadProgress {
    /// Current phase.
    pub phase: LoadPhase,
    /// Bytes (download, upload) or steps (parse, compile) done.
    pub done: u64,
    /// Total number of bytes or steps.
    pub total: u64,
}
