//! What can go wrong on a device.

use thiserror::Error;

use crate::weights::WeightsError;

/// Errors of adapters, devices and the forward pass.
#[derive(Clone, Debug, Error)]
pub enum ForwardError {
    /// More sequences at once than there may be, or none.
    #[error("{batch} sequences at once: there may be 1 to {most}")]
    Batch {
        /// Asked for.
        batch: usize,
        /// The most.
        most: usize,
    },
    /// There is no adapter at all.
    #[error("no GPU adapter was found: {message}")]
    NoAdapter {
        /// What the system said.
        message: String,
    },
    /// No adapter has the wanted name.
    #[error("no adapter is named like {wanted:?}; there are: {}", found.join(", "))]
    UnknownAdapter {
        /// The name asked for.
        wanted: String,
        /// The names there are.
        found: Vec<String>,
    },
    /// The adapter lacks something the engine can't do without.
    #[error("the adapter {adapter} lacks {missing}, which the GPU backend needs")]
    MissingFeature {
        /// The adapter's name.
        adapter: String,
        /// What it lacks, as WebGPU spells it.
        missing: String,
    },
    /// The adapter refused to hand out a device, or the runtime refused the device.
    #[error("the adapter {adapter} gave no device: {message}")]
    NoDevice {
        /// The adapter's name.
        adapter: String,
        /// What it said.
        message: String,
    },
    /// The wanted path can't compute this model here.
    #[error("the {path} path can't compute this model: {why}")]
    NoPath {
        /// Which.
        path: &'static str,
        /// Why not.
        why: String,
    },
    /// The wanted variant of the kernels can't be launched here.
    #[error("the variant {variant} of the kernels can't be used here: {why}")]
    NoVariant {
        /// Which.
        variant: &'static str,
        /// Why not.
        why: &'static str,
    },
    /// The KV cache has too few blocks.
    #[error(
        "a KV cache of {blocks} blocks is too small: one request as long as the context of {context} takes {least}"
    )]
    KvBlocks {
        /// How many were wanted.
        blocks: usize,
        /// How many there have to be.
        least: usize,
        /// Positions of a sequence.
        context: usize,
    },
    /// A buffer would be larger than the device allows.
    #[error(
        "{what} needs a buffer of {bytes} bytes, but the device's limit ({limit_name}) is {limit}"
    )]
    BufferTooLarge {
        /// Which tensor or cache.
        what: String,
        /// Its size.
        bytes: u64,
        /// Which limit.
        limit_name: &'static str,
        /// The limit in bytes.
        limit: u64,
    },
    /// Everything together does not fit.
    #[error(
        "the model needs {needed} bytes (weights {weights}, KV cache {kv_cache}, activations {activations}), but {limit} are available{hint}"
    )]
    OutOfMemory {
        /// All of it.
        needed: u64,
        /// The weights' share.
        weights: u64,
        /// The cache's share.
        kv_cache: u64,
        /// The rest.
        activations: u64,
        /// What there is.
        limit: u64,
        /// What could be done, beginning with a colon.
        hint: String,
    },
    /// The device or its driver failed while it worked.
    #[error("the device failed: {message}")]
    Device {
        /// What it said.
        message: String,
    },
}

/// What can stop a load.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The device.
    #[error(transparent)]
    Forward(#[from] ForwardError),
}
