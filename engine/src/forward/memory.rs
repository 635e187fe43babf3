//! Memory that a model needs on the device, computed before it is loaded.

use super::error::ForwardError;
use super::format::format;
use super::shape::{Shape, kernel_kv};
use crate::platform::{ADAPTERS_TAKE_OWN_MEMORY, available_memory};
use crate::weights::{BlockTensor, Checkpoint, ModelConfig, TensorInfo, TensorName};
use llamaglass_types::{Backend, BackendInfo, ForwardPath, MemoryLedger};

/// Bytes per f32 value: everything on the device except the fast path's weights and an f16 KV cache.
const VALUE: u64 = 4;

/// Rows of weights that lie side by side in the memory of the CPU's kernels, and values that a row of the KV
/// cache's values is a multiple of.
const CPU_GROUP: usize = 16;

/// Returns the memory that `checkpoint` needs on `backend` with the given `shape`.
pub fn memory_ledger(checkpoint: &Checkpoint, shape: Shape, backend: Backend) -> MemoryLedger {
    let config = checkpoint.config();
    let layout = Layout::of(shape.path, backend);
    // The CPU's kernels store values, but not keys, in whole vectors.
    let head_values = match layout {
        Layout::CpuPacked => config.head_dim.next_multiple_of(CPU_GROUP),
        Layout::Packed | Layout::Values => config.head_dim,
    };
    let cache = [
        config.n_layers,
        shape.positions(),
        config.n_kv_heads,
        config.head_dim + head_values,
    ];
    let [l, s, k, d] = cache.map(|n| n as u64);
    MemoryLedger {
        weights: checkpoint.tensors().map(|t| tensor_bytes(t, layout)).sum(),
        looked_up: checkpoint
            .tensor(TensorName::TokenEmbedding)
            .filter(|_| !config.tied)
            .map_or(0, |tensor| tensor_bytes(tensor, layout)),
        kv_cache: l * s * k * d * kernel_kv(shape.kv).bytes() as u64,
        activations: match layout {
            Layout::CpuPacked => cpu_activations(config, shape),
            Layout::Packed | Layout::Values => activations(config, shape.context, shape.chunk),
        },
    }
}

/// Layout of the weights' matrices in memory.
#[derive(Clone, Copy)]
enum Layout {
    /// The fast path on a GPU: the words that the kernels read, row by row.
    Packed,
    /// The fast path on the CPU: the same words, in groups of [`CPU_GROUP`] rows.
    CpuPacked,
    /// The reference path: f32 values.
    Values,
}

impl Layout {
    const fn of(path: ForwardPath, backend: Backend) -> Self {
        match (path, backend) {
            (ForwardPath::Fast, Backend::Wgpu) => Self::Packed,
            (ForwardPath::Fast, Backend::Cpu) => Self::CpuPacked,
            (ForwardPath::Reference, _) => Self::Values,
        }
    }
}

/// Checks the total against `memory_limit`, in bytes, and the available memory.
///
/// # Errors
/// [`ForwardError::OutOfMemory`] if the total exceeds either.
pub fn check_memory(
    ledger: &MemoryLedger,
    info: &BackendInfo,
    memory_limit: Option<u64>,
) -> Result<(), ForwardError> {
    let limits = [memory_limit, available(info)];
    let Some(limit) = limits.into_iter().flatten().min() else {
        return Ok(());
    };
    if ledger.total() <= limit {
        return Ok(());
    }
    Err(ForwardError::OutOfMemory {
        needed: ledger.total(),
        weights: ledger.weights,
        kv_cache: ledger.kv_cache,
        activations: ledger.activations,
        limit,
        hint: ": choose a shorter context or a smaller model".into(),
    })
}

/// Returns the bytes available to a model if the device uses this program's memory and the system reports its
/// size. WebGPU does not report the memory of a GPU.
pub fn available(info: &BackendInfo) -> Option<u64> {
    let takes_own = info.backend == Backend::Cpu || (info.software && ADAPTERS_TAKE_OWN_MEMORY);
    takes_own.then(available_memory).flatten()
}

/// Returns a tensor's size on the device, in bytes.
fn tensor_bytes(tensor: &TensorInfo, layout: Layout) -> u64 {
    let [rows, columns] = *tensor.shape.as_slice() else {
        return tensor.elements() * VALUE;
    };
    let rows = match layout {
        Layout::Packed => rows,
        Layout::CpuPacked => rows.next_multiple_of(CPU_GROUP),
        Layout::Values => return tensor.elements() * VALUE,
    };
    (rows * format(tensor.tensor_type).row_bytes(columns)) as u64
}

/// Returns the name and bytes of the largest buffer that can't be split. Matrices with the same input share a
/// buffer, and so do a layer's keys and values on the fast path. (The embedding and the output matrix are
/// split as needed.)
pub fn largest_buffer(
    checkpoint: &Checkpoint,
    memory: &MemoryLedger,
    path: ForwardPath,
) -> (&'static str, u64) {
    use BlockTensor as T;
    let bytes = |tensors: &[T]| {
        let names = tensors.iter().map(|tensor| TensorName::Block(0, *tensor));
        let tensors = names.filter_map(|name| checkpoint.tensor(name));
        // The CPU has no limit, so that the layout of a GPU answers for both.
        let layout = Layout::of(path, Backend::Wgpu);
        tensors.map(|tensor| tensor_bytes(tensor, layout)).sum()
    };
    // The reference path has separate buffers for keys and values.
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

/// Estimates the bytes of all values alive at once in the widest part of a step.
fn activations(config: &ModelConfig, context: usize, chunk: usize) -> u64 {
    let heads = config.n_heads + 2 * config.n_kv_heads;
    let row = 4 * config.hidden_size + 2 * heads * config.head_dim + 4 * config.ffn_size;
    let scores = 3 * config.n_heads * context;
    let copies = 2 * config.n_kv_heads * config.head_dim * context;
    ((row + scores) * chunk + copies + config.vocab_size) as u64 * VALUE
}

/// Estimates the bytes of all values alive at once in a step of the CPU's fast path. It reads the KV cache in
/// place, and each thread has the scores of one row.
fn cpu_activations(config: &ModelConfig, shape: Shape) -> u64 {
    let heads = config.n_heads + 2 * config.n_kv_heads;
    let row = 4 * config.hidden_size + 2 * heads * config.head_dim + 4 * config.ffn_size;
    let scores = config.n_heads * shape.context;
    (row * shape.rows() + scores + config.vocab_size * shape.batch) as u64 * VALUE
}

/// Checks that the device allows a buffer of `bytes`.
pub fn check_buffer(
    info: &BackendInfo,
    what: impl FnOnce() -> String,
    bytes: u64,
) -> Result<(), ForwardError> {
    use llamaglass_types::limit;

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
    use crate::forward::device::open_cpu;
    use crate::weights::TensorType;
    use crate::weights::testing::tiny_config;
    use llamaglass_types::{Activations, KvType, LoadOptions};

    /// Returns the ledger of a model with quantised weights and a vocabulary of `vocab_size`.
    fn ledger(vocab_size: usize, kv: KvType, path: ForwardPath, backend: Backend) -> MemoryLedger {
        let config = ModelConfig {
            vocab_size,
            hidden_size: 64,
            ffn_size: 64,
            head_dim: 16,
            ..tiny_config()
        };
        let checkpoint = Checkpoint::random(config, TensorType::Q4_0, 1).expect("a valid shape");
        let shape = Shape {
            context: 64,
            batch: 1,
            chunk: 32,
            kv_blocks: None,
            path,
            kv,
            variant: None,
            threads: None,
            activations: Activations::F32,
            instruction_set: None,
        };
        memory_ledger(&checkpoint, shape, backend)
    }

    #[test]
    fn fast_path_on_cpu_needs_as_much_as_on_gpu() {
        let fast = |vocab, kv, backend| ledger(vocab, kv, ForwardPath::Fast, backend);
        let cpu = fast(32, KvType::F32, Backend::Cpu);
        let gpu = fast(32, KvType::F32, Backend::Wgpu);
        assert_eq!((cpu.weights, cpu.kv_cache), (gpu.weights, gpu.kv_cache));
        // Two layers, one block and the null block, two heads with 16 values each of key and value.
        assert_eq!(cpu.kv_cache, 2 * 2 * 64 * 2 * (16 + 16) * 4);
        let half = fast(32, KvType::F16, Backend::Cpu);
        assert_eq!(half.kv_cache * 2, cpu.kv_cache);
        let values = ledger(32, KvType::F32, ForwardPath::Reference, Backend::Cpu);
        assert!(cpu.weights * 4 < values.weights, "{cpu:?}, {values:?}");
    }

    #[test]
    fn cpu_rounds_rows_of_a_matrix_up_to_a_group() {
        let weights = |vocab| {
            let of = ledger(vocab, KvType::F32, ForwardPath::Fast, Backend::Cpu);
            of.weights
        };
        assert_eq!(weights(30), weights(32));
        assert!(weights(33) > weights(32));
    }

    fn device(backend: Backend, software: bool) -> BackendInfo {
        BackendInfo {
            backend,
            software,
            ..open_cpu(&LoadOptions::default(), None).info
        }
    }

    #[test]
    fn ledger_check_refuses_models_larger_than_cpu_memory() {
        let ledger = MemoryLedger {
            weights: 1 << 50,
            ..MemoryLedger::default()
        };
        let known = available_memory().is_some();
        for info in [device(Backend::Cpu, true), device(Backend::Wgpu, true)] {
            assert_eq!(check_memory(&ledger, &info, None).is_err(), known);
        }
        // The memory of a GPU is unknown.
        let gpu = device(Backend::Wgpu, false);
        assert!(check_memory(&ledger, &gpu, None).is_ok());
        assert!(check_memory(&ledger, &gpu, Some(1 << 40)).is_err());
    }
}
