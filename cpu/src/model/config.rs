//! Dimensions of a model, the capacity it is loaded with, and its errors.

use llamaglass_shaders::{Heads, Kv};
use llamaglass_types::InstructionSet;
use thiserror::Error;

/// Dimensions of a Llama.
#[derive(Clone, Debug, PartialEq)]
pub struct Dimensions {
    /// V: vocabulary size.
    pub vocab: usize,
    /// C: hidden size.
    pub hidden: usize,
    /// L: number of layers.
    pub layers: usize,
    /// H, K and D.
    pub heads: Heads,
    /// F: size of the feed-forward layer.
    pub ffn: usize,
    /// Added to the mean square in norms.
    pub eps: f32,
    /// True if the rows of q and k are stored in halves that are rotated together, false if in adjacent pairs.
    pub halves: bool,
    /// True if the output matrix is the embedding.
    pub tied: bool,
}

/// Size of the KV cache and of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Maximum number of rows per step.
    pub rows: usize,
    /// Maximum number of rows per step that get logits.
    pub outputs: usize,
    /// Number of sequences that have a block table.
    pub slots: usize,
    /// S: maximum number of positions per sequence.
    pub context: usize,
    /// Number of blocks of the KV cache.
    pub blocks: usize,
    /// Type of the cache's values.
    pub kv: Kv,
}

/// Error in a model, in its options or in a step.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ModelError {
    /// The machine lacks the requested instruction set.
    #[error("this machine lacks the instruction set {wanted}; it has: {available}")]
    InstructionSet {
        /// Requested set.
        wanted: &'static str,
        /// Sets of this machine, separated by commas.
        available: String,
    },
    /// A tensor has the wrong size.
    #[error("{tensor} has {found} values, but the model needs {expected}")]
    TensorSize {
        /// The tensor.
        tensor: String,
        /// Number of its values.
        found: usize,
        /// Number of values that the dimensions ask for.
        expected: usize,
    },
    /// A tensor's rows are not whole blocks of its format, or its bytes are not whole rows.
    #[error(
        "{tensor}: {bytes} bytes are not whole rows of {columns} values in {format}, which stores {values} values in {block_bytes} bytes"
    )]
    Rows {
        /// The tensor.
        tensor: String,
        /// Number of bytes.
        bytes: usize,
        /// Values per row.
        columns: usize,
        /// Name of the format.
        format: &'static str,
        /// Values per block of the format.
        values: usize,
        /// Bytes per block of the format.
        block_bytes: usize,
    },
    /// The model has no such tensor.
    #[error("a model of {layers} layers has no place for {tensor}")]
    Unexpected {
        /// The tensor.
        tensor: String,
        /// Number of the model's layers.
        layers: usize,
    },
    /// A tensor was not loaded.
    #[error("{tensor} is missing")]
    Missing {
        /// The tensor.
        tensor: String,
    },
    /// An index is out of range.
    #[error("{what} {index} is out of range: there are {count}")]
    OutOfRange {
        /// Kind of thing that the index counts.
        what: &'static str,
        /// The index.
        index: usize,
        /// Number of items, above every index.
        count: usize,
    },
    /// A step has more rows or outputs than the model was loaded for.
    #[error("a step of {count} {what} is too large: the model was loaded for at most {most}")]
    TooMany {
        /// Rows or outputs.
        what: &'static str,
        /// Their number.
        count: usize,
        /// Maximum number.
        most: usize,
    },
    /// A measurement needs more memory than is free.
    #[error(
        "{bytes} bytes of memory are needed to measure its bandwidth, but they are not free; close other programs"
    )]
    Memory {
        /// Number of bytes.
        bytes: usize,
    },
    /// The WebAssembly module that has the model failed.
    #[error("the CPU path's module: {0}")]
    Module(String),
}

impl ModelError {
    pub(crate) fn instruction_set(wanted: InstructionSet, available: &[InstructionSet]) -> Self {
        let available: Vec<&str> = available.iter().map(|set| set.name()).collect();
        Self::InstructionSet {
            wanted: wanted.name(),
            available: available.join(", "),
        }
    }
}
