//! Errors of the forward pass.

use thiserror::Error;

use crate::weights::WeightsError;
use llamaglass_cpu::ModelError;

/// An error of an adapter, a device or the forward pass.
#[derive(Clone, Debug, Error)]
#[expect(
    missing_docs,
    reason = "the messages explain the variants and their fields"
)]
pub enum ForwardError {
    #[error("{batch} sequences at once: there may be 1 to {most}")]
    Batch { batch: usize, most: usize },
    #[error("{threads} threads: there may be 1 to {most}")]
    Threads { threads: usize, most: usize },
    #[error("no GPU adapter was found: {message}")]
    NoAdapter { message: String },
    #[error("no adapter is named like {wanted:?}; there are: {}", found.join(", "))]
    UnknownAdapter { wanted: String, found: Vec<String> },
    #[error("the adapter {adapter} lacks {missing}, which the GPU backend needs")]
    MissingFeature { adapter: String, missing: String },
    /// The adapter gave no device, or the runtime rejected the device.
    #[error("the adapter {adapter} gave no device: {message}")]
    NoDevice { adapter: String, message: String },
    #[error("the {path} path can't compute this model: {why}")]
    NoPath { path: &'static str, why: String },
    #[error("the variant {variant} of the kernels can't be used here: {why}")]
    NoVariant {
        variant: &'static str,
        why: &'static str,
    },
    #[error(
        "a KV cache of {blocks} blocks is too small: one request as long as the context of {context} takes {least}"
    )]
    KvBlocks {
        blocks: usize,
        least: usize,
        context: usize,
    },
    #[error(
        "{what} needs a buffer of {bytes} bytes, but the device's limit ({limit_name}) is {limit}"
    )]
    BufferTooLarge {
        what: String,
        /// Size of the buffer in bytes.
        bytes: u64,
        limit_name: &'static str,
        /// Limit in bytes.
        limit: u64,
    },
    #[error(
        "the model needs {needed} bytes (weights {weights}, KV cache {kv_cache}, activations {activations}), but {limit} are available{hint}"
    )]
    OutOfMemory {
        needed: u64,
        weights: u64,
        kv_cache: u64,
        activations: u64,
        limit: u64,
        /// Suggestion that starts with a colon, or empty.
        hint: String,
    },
    #[error("the device failed: {message}")]
    Device { message: String },
    /// The CPU path rejects a tensor, an option or a step.
    #[error("the CPU path: {0}")]
    Cpu(#[from] ModelError),
}

impl ForwardError {
    /// Creates an error of the device.
    pub fn device(message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Device { message }
    }
}

/// An error that ends a load.
#[derive(Debug, Error)]
pub enum LoadError {
    /// A file could not be read or is invalid.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The device can't hold or run the model.
    #[error(transparent)]
    Forward(#[from] ForwardError),
}
