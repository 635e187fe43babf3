//! Dimensions and settings of a loaded model.

use llamaglass_shaders::{KV_BLOCK, Kv, Variant};

use super::error::ForwardError;
use llamaglass_types::{Activations, Backend, ForwardPath, InstructionSet, KvType, MAX_THREADS};

/// Maximum number of sequences per step.
pub const MAX_BATCH: usize = 64;

/// Dimensions and settings that a model is loaded with.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Maximum number of positions per sequence.
    pub context: usize,
    /// Maximum number of sequences that are cached and decoded in one step.
    pub batch: usize,
    /// Maximum number of prompt ids per step.
    pub chunk: usize,
    /// Number of KV cache blocks that all sequences share on the fast path; by default enough for a full
    /// batch of maximum length.
    pub kv_blocks: Option<usize>,
    /// Path through the model.
    pub path: ForwardPath,
    /// Type of the values in the KV cache.
    pub kv: KvType,
    /// Variant of the fast path's kernels; by default the fastest.
    pub variant: Option<Variant>,
    /// Number of threads of the CPU's fast path; by default the number of physical cores.
    pub threads: Option<usize>,
    /// Precision of activations on the CPU's fast path.
    pub activations: Activations,
    /// Instruction set of the CPU's kernels; by default the fastest that the machine has.
    pub instruction_set: Option<InstructionSet>,
}

impl Shape {
    /// Checks that the path on `backend` supports these settings.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`], [`ForwardError::KvBlocks`], [`ForwardError::Batch`] or
    /// [`ForwardError::Threads`].
    pub fn check(&self, backend: Backend) -> Result<(), ForwardError> {
        if let Some(why) = self.unsupported(backend) {
            return Err(ForwardError::NoPath {
                path: self.path.name(),
                why,
            });
        }
        if let Some(blocks) = self.kv_blocks.filter(|blocks| *blocks < self.blocks()) {
            return Err(ForwardError::KvBlocks {
                blocks,
                least: self.blocks(),
                context: self.context,
            });
        }
        if !(1..=MAX_BATCH).contains(&self.batch) {
            return Err(ForwardError::Batch {
                batch: self.batch,
                most: MAX_BATCH,
            });
        }
        match self.threads {
            Some(threads) if !(1..=MAX_THREADS).contains(&threads) => Err(ForwardError::Threads {
                threads,
                most: MAX_THREADS,
            }),
            _ => Ok(()),
        }
    }

    /// Returns why the path on `backend` does not support these settings, if it does not.
    fn unsupported(&self, backend: Backend) -> Option<String> {
        let reference = self.path == ForwardPath::Reference;
        if reference && self.kv != KvType::F32 {
            return Some(format!("its KV cache is f32, not {}", self.kv.name()));
        }
        if let Some(variant) = self.variant {
            if reference {
                let why = "it has no kernels of ours, and so no variant";
                return Some(format!("{why} {variant} of them"));
            }
            if backend == Backend::Cpu {
                return Some(format!("the variant {variant} is one of kernels for a GPU"));
            }
        }
        if self.activations != Activations::F32 {
            let name = self.activations.name();
            return Some(format!(
                "its activations are f32, and {name} is not supported yet"
            ));
        }
        if backend == Backend::Cpu && !reference {
            return None;
        }
        let set = self.instruction_set?.name();
        Some(format!("only the CPU's fast path has kernels for {set}"))
    }

    /// Maximum number of rows per step: a prefill chunk, or one row per sequence plus one of a prompt.
    pub const fn rows(&self) -> usize {
        let all = self.batch + 1;
        if self.chunk > all { self.chunk } else { all }
    }

    /// Maximum number of KV cache blocks per sequence on the fast path.
    pub const fn blocks(&self) -> usize {
        self.context.div_ceil(KV_BLOCK)
    }

    /// Number of KV cache blocks that sequences share on the fast path.
    pub fn pool(&self) -> usize {
        self.kv_blocks.unwrap_or(self.batch * self.blocks())
    }

    /// Positions in the KV cache for all sequences together, including the null block on the fast path.
    pub fn positions(&self) -> usize {
        match self.path {
            ForwardPath::Fast => (self.pool() + 1) * KV_BLOCK,
            ForwardPath::Reference => self.batch * self.context,
        }
    }
}

/// Returns the kernels' own name of a KV cache's type.
pub const fn kernel_kv(kv: KvType) -> Kv {
    match kv {
        KvType::F32 => Kv::F32,
        KvType::F16 => Kv::F16,
    }
}
