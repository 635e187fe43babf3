//! What a model needs on the device, known before anything is loaded.

use serde::{Deserialize, Serialize};

use super::error::ForwardError;
use super::format::format;
use super::info::{Backend, BackendInfo};
use super::path::ForwardPath;
use super::shape::Shape;
use crate::platform::{ADAPTERS_TAKE_OWN_MEMORY, available_memory};
use crate::weights::{BlockTensor, Checkpoint, ModelConfig, TensorInfo, TensorName};

/// Bytes of one value on the device that is no weight of the fast path: f32.
const VALUE: u64 = 4;

/// Bytes a model takes on the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryLedger {
    /// Weights, as the device holds them.
    pub weights: u64,
    /// Those of them that steps only look rows up in: the embedding, unless it is the output matrix.
    #[serde(default)]
    pub looked_up: u64,
    /// Keys and values of every block and position.
    pub kv_cache: u64,
    /// The most that one step's intermediate values take, estimated.
    pub activations: u64,
}

impl MemoryLedger {
    /// All of it.
    pub const fn total(&self) -> u64 {
        self.weights + self.kv_cache + self.activations
    }

    /// What `checkpoint` needs when it is made for `shape`.
    pub fn of(checkpoint: &Checkpoint, shape: Shape) -> Self {
        let config = checkpoint.config();
        let Shape {
            context,
            chunk,
            path,
            kv,
            ..
        } = shape;
        let cache = [
            config.n_layers,
            shape.positions(),
            config.n_kv_heads,
            config.head_dim,
        ];
        let [l, s, k, d] = cache.map(|n| n as u64);
        Self {
            weights: checkpoint.tensors().map(|t| tensor_bytes(t, path)).sum(),
            looked_up: checkpoint
                .tensor(TensorName::TokenEmbedding)
                .filter(|_| !config.tied)
                .map_or(0, |tensor| tensor_bytes(tensor, path)),
            kv_cache: 2 * l * s * k * d * kv.kernels().bytes() as u64,
            activations: activations(config, context, chunk),
        }
    }

    /// Checks the total against `memory_limit` in bytes and against what is available.
    ///
    /// # Errors
    /// [`ForwardError::OutOfMemory`].
    pub fn check(&self, info: &BackendInfo, memory_limit: Option<u64>) -> Result<(), ForwardError> {
        let limits = [memory_limit, available(info)];
        let Some(limit) = limits.into_iter().flatten().min() else {
            return Ok(());
        };
        if self.total() <= limit {
            return Ok(());
        }
        Err(ForwardError::OutOfMemory {
            needed: self.total(),
            weights: self.weights,
            kv_cache: self.kv_cache,
            activations: self.activations,
            limit,
            hint: ": choose a shorter context or a smaller model".into(),
        })
    }
}

/// Bytes that a model may take on a device, where it takes them from this program's memory and the system
/// tells. How much memory a GPU has, WebGPU does not tell.
pub fn available(info: &BackendInfo) -> Option<u64> {
    let takes_own = info.backend == Backend::Flex || (info.software && ADAPTERS_TAKE_OWN_MEMORY);
    takes_own.then(available_memory).flatten()
}

/// What a tensor takes on the device.
fn tensor_bytes(tensor: &TensorInfo, path: ForwardPath) -> u64 {
    match (path, tensor.shape.as_slice()) {
        (ForwardPath::Fast, [rows, columns]) => {
            (rows * format(tensor.tensor_type).row_bytes(*columns)) as u64
        }
        _ => tensor.elements() * VALUE,
    }
}

/// The largest buffer that can't be cut, for people, and its bytes: matrices with the same inputs are
/// one buffer on the device, and a block's KV cache is another. (The embedding and the output matrix
/// are cut as needed.)
pub fn largest_buffer(
    checkpoint: &Checkpoint,
    memory: &MemoryLedger,
    path: ForwardPath,
) -> (&'static str, u64) {
    use BlockTensor as T;
    let bytes = |tensors: &[T]| {
        let names = tensors.iter().map(|tensor| TensorName::Block(0, *tensor));
        let tensors = names.filter_map(|name| checkpoint.tensor(name));
        tensors.map(|tensor| tensor_bytes(tensor, path)).sum()
    };
    // The reference path has keys and values apart.
    let buffers = match path {
        ForwardPath::Fast => 1,
        ForwardPath::Reference => 2,
    };
    let blocks = checkpoint.config().n_layers.max(1) as u64;
    let sizes = [
        ("q, k and v of a block", bytes(&[T::Q, T::K, T::V])),
        ("gate and up of a block", bytes(&[T::Gate, T::Up])),
        (
            "the KV cache of a block",
            memory.kv_cache / (buffers * blocks),
        ),
    ];
    let largest = sizes.into_iter().max_by_key(|(_, size)| *size);
    largest.unwrap_or(("nothing", 0))
}

/// The values alive at once in the widest part of a step.
fn activations(config: &ModelConfig, context: usize, chunk: usize) -> u64 {
    let heads = config.n_heads + 2 * config.n_kv_heads;
    let row = 4 * config.hidden_size + 2 * heads * config.head_dim + 4 * config.ffn_size;
    let scores = 3 * config.n_heads * context;
    let copies = 2 * config.n_kv_heads * config.head_dim * context;
    ((row + scores) * chunk + copies + config.vocab_size) as u64 * VALUE
}

/// Checks that one buffer of `bytes` is allowed on the device.
///
/// # Errors
/// [`ForwardError::BufferTooLarge`].
#[cfg(feature = "compute")]
pub fn check_buffer(
    info: &BackendInfo,
    what: impl FnOnce() -> String,
    bytes: u64,
) -> Result<(), ForwardError> {
    use super::info::limit;

    for limit_name in [limit::STORAGE_BINDING, limit::BUFFER] {
        if let Some(limit) = info.limit(limit_name).filter(|limit| bytes > *limit) {
            return Err(ForwardError::BufferTooLarge {
                what: what(),
                bytes,
                limit_name,
                limit,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(backend: Backend, software: bool) -> BackendInfo {
        BackendInfo {
            backend,
            api: "an API".into(),
            adapter: "an adapter".into(),
            driver: String::new(),
            software,
            features: Vec::new(),
            limits: Vec::new(),
            fallback_reason: None,
        }
    }

    #[test]
    fn model_larger_than_the_machine_is_refused_on_the_cpu() {
        let ledger = MemoryLedger {
            weights: 1 << 50,
            ..MemoryLedger::default()
        };
        let known = available_memory().is_some();
        for info in [device(Backend::Flex, true), device(Backend::Wgpu, true)] {
            assert_eq!(ledger.check(&info, None).is_err(), known);
        }
        // The memory of a GPU is not known.
        let gpu = device(Backend::Wgpu, false);
        assert!(ledger.check(&gpu, None).is_ok());
        assert!(ledger.check(&gpu, Some(1 << 40)).is_err());
    }
}
