//! How a model is to be loaded, and how far a load has come.

use std::str::FromStr;

use llamaglass_shaders::Variant;
use serde::{Deserialize, Serialize};

use super::StubLevel;
use crate::forward::{ForwardPath, KvType};
use crate::scheduler::Policy;
use crate::weights::ModelConfig;

/// Positions of the KV cache where nothing else is asked for, and the model has as many.
const DEFAULT_CONTEXT: usize = 4096;

/// How a model is to be loaded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoadOptions {
    /// Which arithmetic.
    pub backend: BackendChoice,
    /// Part of the wanted adapter's name.
    pub adapter: Option<String>,
    /// Positions of the KV cache; by default the model's own context, at most 4,096.
    pub context_length: Option<usize>,
    /// The most bytes that weights, cache and activations may take together.
    pub memory_limit: Option<u64>,
    /// The most prompt ids a prefill step computes; by default as suits the adapter.
    pub prefill_chunk: Option<usize>,
    /// The path through the model; by default the fastest that can compute it.
    pub path: Option<ForwardPath>,
    /// How the KV cache stores its values; other than f32 on the fast path only.
    pub kv: KvType,
    /// Which variant of our own kernels is launched; by default the fastest on the adapter. On the fast
    /// path only.
    pub variant: Option<Variant>,
    /// How many requests are answered at once; by default one.
    pub batch: Option<usize>,
    /// Blocks of the KV cache, of 64 positions each, that requests share; by default as many as make all
    /// of them as long as the context. On the fast path only.
    pub kv_blocks: Option<usize>,
    /// How prompts and answers share the steps.
    pub policy: Policy,
    /// How many steps are issued before the first of them is waited for, 1 to 4; by default as suits
    /// the adapter. More than one only where the device itself picks tokens.
    pub readback_depth: Option<usize>,
    /// How far the path of a request is followed.
    pub stub: StubLevel,
}

impl LoadOptions {
    /// Context length, in positions, that a model of this configuration is loaded with.
    pub fn context_for(&self, config: &ModelConfig) -> usize {
        let wanted = self.context_length.unwrap_or(DEFAULT_CONTEXT);
        wanted.clamp(1, config.context_length.max(1))
    }
}

/// Which arithmetic is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackendChoice {
    /// wgpu on a hardware adapter, else the CPU.
    #[default]
    Auto,
    /// wgpu, on a software adapter too.
    Wgpu,
    /// burn-flex on the CPU.
    Flex,
}

impl FromStr for BackendChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "wgpu" => Ok(Self::Wgpu),
            "flex" => Ok(Self::Flex),
            _ => Err(format!(
                "{text:?} is no backend; there are auto, wgpu and flex"
            )),
        }
    }
}

/// The phases of a load, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadPhase {
    /// Fetching files (reported by whoever fetches them).
    Download,
    /// Headers, tokenizer and template.
    Parse,
    /// Weights to the device.
    Upload,
    /// The warm-up steps, in which kernels are compiled.
    Compile,
}

impl LoadPhase {
    /// The phase's name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Parse => "parse",
            Self::Upload => "upload",
            Self::Compile => "compile",
        }
    }
}

/// How far a load has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadProgress {
    /// Which phase.
    pub phase: LoadPhase,
    /// Bytes (download, upload) or steps (parse, compile) done.
    pub done: u64,
    /// How many there are.
    pub total: u64,
}
