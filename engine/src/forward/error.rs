//! Errors of the forward pass.

use thiserror::Error;

use crate::weights::WeightsError;

/// An error of an adapter, a device or the forward pass.
#[derive(Clone, Debug, Error)]
pub enum ForwardError {
    /// The batch size is zero or too large.
    #[error("{batch} sequences at once: there may be 1 to {most}")]
    Batch {
        /// Requested number of sequences.
        batch: usize,
        /// Maximum number.
        most: usize,
    },
    /// No adapter was found.
    #[error("no GPU adapter was found: {message}")]
    NoAdapter {
        /// Message from the system.
        message: String,
    },
    /// No adapter's name contains the requested one.
    #[error("no adapter is named like {wanted:?}; there are: {}", found.join(", "))]
    UnknownAdapter {
        /// Requested name.
        wanted: String,
        /// Names of the adapters found.
        found: Vec<String>,
    },
    /// The adapter lacks a required feature.
    #[error("the adapter {adapter} lacks {missing}, which the GPU backend needs")]
    MissingFeature {
        /// Name of the adapter.
        adapter: String,
        /// Missing feature, in WebGPU's spelling.
        missing: String,
    },
    /// The adapter gave no device, or the runtime rejected the device.
    #[error("the adapter {adapter} gave no device: {message}")]
    NoDevice {
        /// Name of the adapter.
        adapter: String,
        /// Message from the adapter or runtime.
        message: String,
    },
    /// The requested path can't compute this model here.
    #[error("the {path} path can't compute this model: {why}")]
    NoPath {
        /// Name of the path.
        path: &'static str,
        /// Reason.
        why: String,
    },
    /// The requested kernel variant can't run here.
    #[error("the variant {variant} of the kernels can't be used here: {why}")]
    NoVariant {
        /// Name of the variant.
        variant: &'static str,
        /// Reason.
        why: &'static str,
    },
    /// The KV cache has too few blocks for one sequence of the full context.
    #[error(
        "a KV cache of {blocks} blocks is too small: one request as long as the context of {context} takes {least}"
    )]
    KvBlocks {
        /// Requested number of blocks.
        blocks: usize,
        /// Minimum number of blocks.
        least: usize,
        /// Maximum number of positions per sequence.
        context: usize,
    },
    /// A buffer would exceed a limit of the device.
    #[error(
        "{what} needs a buffer of {bytes} bytes, but the device's limit ({limit_name}) is {limit}"
    )]
    BufferTooLarge {
        /// Tensor or cache in question.
        what: String,
        /// Size of the buffer in bytes.
        bytes: u64,
        /// WebGPU name of the limit.
        limit_name: &'static str,
        /// Limit in bytes.
        limit: u64,
    },
    /// Model, cache and activations together exceed the available memory.
    #[error(
        "the model needs {needed} bytes (weights {weights}, KV cache {kv_cache}, activations {activations}), but {limit} are available{hint}"
    )]
    OutOfMemory {
        /// Total bytes.
        needed: u64,
        /// Bytes of the weights.
        weights: u64,
        /// Bytes of the KV cache.
        kv_cache: u64,
        /// Bytes of the activations.
        activations: u64,
        /// Available bytes.
        limit: u64,
        /// Suggestion that starts with a colon, or empty.
        hint: String,
    },
    /// The device or its driver failed at run time.
    #[error("the device failed: {message}")]
    Device {
        /// Message from the device or driver.
        message: String,
    },
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
