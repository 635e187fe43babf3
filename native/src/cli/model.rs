//! Flags of several commands: the model, its backend, and prompts.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use llamaglass_engine::weights::TensorType;
use llamaglass_engine::{
    Activations, BackendChoice, ForwardPath, InstructionSet, KvType, LoadOptions, MAX_THREADS,
    Variant,
};

use super::positive;
use crate::output::note;

/// Model to load.
#[derive(Args, Clone, Debug)]
pub struct ModelArgs {
    /// Model to load: a .gguf file, a Hugging Face folder, or a .safetensors file in such a folder.
    #[arg(
        value_name = "MODEL",
        required_unless_present = "random_weights",
        conflicts_with = "random_weights"
    )]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub random: RandomArgs,
}

/// Seeded random weights instead of a model.
#[derive(Args, Clone, Debug)]
pub struct RandomArgs {
    /// Use random weights instead of a model, in this shape: a preset such as smollm2-135m, or a config.json.
    #[arg(long, value_name = "SHAPE")]
    pub random_weights: Option<String>,
    /// Seed of the random weights (default 0).
    #[arg(long, value_name = "N")]
    pub seed_weights: Option<u64>,
    /// Tensor type of the random weights' matrices, such as F16 or Q4_0 (default Q8_0).
    #[arg(long, value_name = "TYPE")]
    pub quant: Option<TensorType>,
}

/// Prompts to use.
#[derive(Args, Clone, Debug)]
pub struct DatasetArgs {
    /// File of prompts and reference answers: .json (Alpaca's format: a list of objects with instruction,
    /// input and output), .jsonl (one object per line) or text (one prompt per line) (default: 64 built-in
    /// prompts).
    #[arg(long, value_name = "FILE")]
    pub dataset: Option<PathBuf>,
    /// Field of each object that contains the prompt (default: the first of prompt, text and instruction that
    /// exists).
    #[arg(long, value_name = "NAME", requires = "dataset")]
    pub field: Option<String>,
}

/// Backend that runs the model, and its options.
#[derive(Args, Clone, Debug)]
pub struct BackendArgs {
    /// Backend: auto (GPU if there is one, otherwise CPU), wgpu (GPU) or cpu.
    #[arg(long, value_name = "BACKEND", default_value = "auto", value_parser = backend_choice)]
    pub backend: BackendChoice,
    /// GPU adapter to use: any part of its name; not with --backend cpu.
    #[arg(long, value_name = "NAME")]
    pub adapter: Option<String>,
    /// Context length in positions per request, at most the model's own (default: the model's own, at most
    /// 4096; as needed in bench and parity; 512 in lab).
    #[arg(long, value_name = "N", value_parser = positive)]
    pub context: Option<usize>,
    /// Implementation of the forward pass: fast (our own kernels, on a GPU or the CPU) or reference (burn's
    /// operations) (default: fast if supported).
    #[arg(long, value_name = "PATH")]
    pub path: Option<ForwardPath>,
    /// Type of the KV cache's values: f32, or f16, which halves its memory and reads; f16 needs the fast
    /// path.
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    pub kv: KvType,
    /// Variant of the fast path's kernels on an adapter: lanes (for software adapters), workgroups or subgroups
    /// (for GPUs) (default: the fastest on this adapter, by measurement).
    #[arg(long, value_name = "VARIANT")]
    pub variant: Option<Variant>,
    /// Maximum steps in flight on a GPU, 1 to 4 (default: 2; 1 on software adapters).
    #[arg(long, value_name = "N", value_parser = readback_depth)]
    pub readback_depth: Option<usize>,
    /// Threads of the fast path on the CPU, 1 to 256 (default: the number of physical cores).
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// Precision of activations on the CPU's fast path; i16 is refused until its kernels exist.
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    pub activations: Activations,
    /// Instruction set of the CPU's kernels: avx512, avx2, baseline, neon or simd128 (default: the fastest
    /// that the machine has).
    #[arg(long = "isa", value_name = "SET")]
    pub instruction_set: Option<InstructionSet>,
}

impl BackendArgs {
    /// Returns these flags as load options of the engine.
    ///
    /// # Errors
    /// Fails if a flag contradicts `--backend` or `--path`.
    pub fn load_options(&self) -> anyhow::Result<LoadOptions> {
        if self.backend == BackendChoice::Cpu && self.adapter.is_some() {
            bail!("--adapter selects a GPU, which --backend cpu does not use");
        }
        if let Some(flag) = self.cpu_flag() {
            if self.backend == BackendChoice::Wgpu {
                bail!("{flag} is for the CPU, which --backend wgpu does not use");
            }
            if self.path == Some(ForwardPath::Reference) {
                bail!(
                    "{flag} is for the fast path on the CPU, which --path reference does not use"
                );
            }
        }
        Ok(LoadOptions {
            backend: self.backend,
            adapter: self.adapter.clone(),
            context_length: self.context,
            path: self.path,
            kv: self.kv,
            variant: self.variant,
            readback_depth: self.readback_depth,
            threads: self.threads,
            activations: self.activations,
            instruction_set: self.instruction_set,
            ..LoadOptions::default()
        })
    }

    /// Returns a given flag that only the CPU's fast path uses.
    fn cpu_flag(&self) -> Option<&'static str> {
        let given = [
            (self.threads.is_some(), "--threads"),
            (self.activations != Activations::F32, "--activations"),
            (self.instruction_set.is_some(), "--isa"),
        ];
        given
            .into_iter()
            .find_map(|(given, flag)| given.then_some(flag))
    }
}

/// Old name of the CPU backend.
const OLD_CPU_NAME: &str = "flex";

/// Parses a backend's name. Accepts the old name of the CPU backend with a note on stderr.
fn backend_choice(text: &str) -> Result<BackendChoice, String> {
    if text == OLD_CPU_NAME {
        note("note: --backend flex is called --backend cpu now");
        return Ok(BackendChoice::Cpu);
    }
    text.parse()
}

/// Maximum number of steps in flight that the engine supports.
const MAX_READBACK_DEPTH: usize = 4;

fn readback_depth(text: &str) -> Result<usize, String> {
    at_most(MAX_READBACK_DEPTH, text)
}

fn threads(text: &str) -> Result<usize, String> {
    at_most(MAX_THREADS, text)
}

fn at_most(most: usize, text: &str) -> Result<usize, String> {
    match positive(text)? {
        value if value <= most => Ok(value),
        _ => Err(format!("must be at most {most}")),
    }
}
