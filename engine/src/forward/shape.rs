//! What a model is made for.

use std::str::FromStr;

use llamaglass_shaders::{KV_BLOCK, Kv, Variant};
use serde::{Deserialize, Serialize};

use super::error::ForwardError;
use super::path::ForwardPath;

/// The most sequences of a step.
pub const MAX_BATCH: usize = 64;

/// What a model is to be made for.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Positions of a sequence.
    pub context: usize,
    /// Sequences that are cached, and decoded in one step.
    pub batch: usize,
    /// The most ids of one step.
    pub chunk: usize,
    /// Blocks of the KV cache on the fast path, which all sequences share; by default as many as make
    /// all as long as they may be.
    pub kv_blocks: Option<usize>,
    /// The path.
    pub path: ForwardPath,
    /// How the KV cache stores its values.
    pub kv: KvType,
    /// Which variant of the kernels the fast path launches; by default the fastest.
    pub variant: Option<Variant>,
}

impl Shape {
    /// Checks that the path has such a cache.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`].
    pub fn check(&self) -> Result<(), ForwardError> {
        if self.path == ForwardPath::Reference && self.kv != KvType::F32 {
            return Err(ForwardError::NoPath {
                path: self.path.name(),
                why: format!("its KV cache is f32, not {}", self.kv.name()),
            });
        }
        if let Some(blocks) = self.kv_blocks.filter(|blocks| *blocks < self.blocks()) {
            return Err(ForwardError::KvBlocks {
                blocks,
                least: self.blocks(),
                context: self.context,
            });
        }
        if let (ForwardPath::Reference, Some(variant)) = (self.path, self.variant) {
            return Err(ForwardError::NoPath {
                path: self.path.name(),
                why: format!("it has no kernels of ours, and so no variant {variant} of them"),
            });
        }
        if !(1..=MAX_BATCH).contains(&self.batch) {
            return Err(ForwardError::Batch {
                batch: self.batch,
                most: MAX_BATCH,
            });
        }
        Ok(())
    }

    /// Rows of a step at most: a piece of a prompt, or one of every sequence and one of a prompt.
    pub const fn rows(&self) -> usize {
        let all = self.batch + 1;
        if self.chunk > all { self.chunk } else { all }
    }

    /// Blocks of the KV cache that a sequence has at most on the fast path.
    pub const fn blocks(&self) -> usize {
        self.context.div_ceil(KV_BLOCK)
    }

    /// Blocks of the KV cache that sequences share on the fast path.
    pub fn pool(&self) -> usize {
        self.kv_blocks.unwrap_or(self.batch * self.blocks())
    }

    /// Positions of the KV cache: all sequences together, and on the fast path a block that belongs to
    /// none.
    pub fn positions(&self) -> usize {
        match self.path {
            ForwardPath::Fast => (self.pool() + 1) * KV_BLOCK,
            ForwardPath::Reference => self.batch * self.context,
        }
    }
}

/// How a KV cache stores its values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KvType {
    /// As they were computed.
    #[default]
    F32,
    /// Rounded to f16: half the memory, and half of what attention reads.
    F16,
}

impl KvType {
    /// The type's name for flags and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        }
    }

    /// As the kernels call it.
    pub const fn kernels(self) -> Kv {
        match self {
            Self::F32 => Kv::F32,
            Self::F16 => Kv::F16,
        }
    }
}

impl FromStr for KvType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "f32" => Ok(Self::F32),
            "f16" => Ok(Self::F16),
            _ => Err(format!(
                "{text:?} is no type of a KV cache; there are f32 and f16"
            )),
        }
    }
}
