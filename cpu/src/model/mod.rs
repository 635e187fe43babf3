//! A Llama on the CPU: its weights, its KV cache and the forward pass of a step.

mod attend;
mod buffers;
mod builder;
mod config;
mod forward;
mod kernel_time;
mod layer;
mod rope;
mod step;
#[cfg(test)]
mod tests;

use llamaglass_shaders::{KV_BLOCK, Kv};
use llamaglass_types::InstructionSet;
use llamaglass_types::ThreadRates;
use llamaglass_types::timing::PartTimes;

use crate::cache::LayerCache;
use crate::kernels::Kernels;
use crate::matrix::Matrix;
use crate::pool::{Governor, Pool};
use buffers::Buffers;
pub use builder::{LayerTensor, ModelBuilder, Tensor};
pub use config::{Capacity, Dimensions, ModelError};
pub use kernel_time::{KernelName, KernelTime};
use layer::Layer;
pub use layer::Projection;

/// Kernels, threads and the clock that a model runs with.
#[derive(Debug)]
pub struct Runtime {
    /// Kernels of an instruction set.
    pub kernels: Kernels,
    /// Threads that share each step.
    pub pool: Pool,
    /// Returns the time in milliseconds since some moment.
    pub clock: fn() -> f64,
}

impl Runtime {
    /// Creates a runtime with the kernels of `instruction_set`, or the fastest, and `threads` threads.
    ///
    /// # Errors
    /// [`ModelError::InstructionSet`] if the machine lacks the set.
    pub fn new(
        instruction_set: Option<InstructionSet>,
        threads: usize,
        clock: fn() -> f64,
    ) -> Result<Self, ModelError> {
        let kernels = match instruction_set {
            None => Kernels::best(),
            Some(set) => Kernels::of(set).ok_or_else(|| {
                let all: Vec<_> = Kernels::all().map(Kernels::instruction_set).collect();
                ModelError::instruction_set(set, &all)
            })?,
        };
        Ok(Self {
            kernels,
            pool: Pool::new(threads),
            clock,
        })
    }
}

/// One row of a step: a token at a position of a sequence. Rows of one sequence follow each other in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Token id.
    pub id: u32,
    /// Position in the sequence.
    pub position: u32,
    /// Slot of the sequence.
    pub slot: u32,
}

/// A loaded model with its KV cache.
#[derive(Debug)]
pub struct Model {
    dimensions: Dimensions,
    capacity: Capacity,
    runtime: Runtime,
    weights: Weights,
    cache: Cache,
    /// Cache blocks of each slot, [slots, blocks per sequence].
    tables: Vec<u32>,
    buffers: Buffers,
    times: PartTimes,
    governor: Governor,
    /// Times of each kernel, while a step is profiled.
    kernel_times: Option<Vec<KernelTime>>,
}

/// Weights of a model.
#[derive(Debug)]
struct Weights {
    /// Token embedding [V, C].
    embedding: Matrix,
    /// Output matrix [V, C], unless it is the embedding.
    output: Option<Matrix>,
    /// Weight of the last norm.
    output_norm: Vec<f32>,
    layers: Vec<Layer>,
    /// Cosine and sine [S, D/2] of each position and pair.
    angles: Vec<[f32; 2]>,
}

impl Weights {
    fn head(&self) -> &Matrix {
        self.output.as_ref().unwrap_or(&self.embedding)
    }
}

/// KV cache of all layers.
#[derive(Debug)]
enum Cache {
    F32(Vec<LayerCache<f32>>),
    F16(Vec<LayerCache<u16>>),
}

impl Model {
    fn new(dimensions: Dimensions, runtime: Runtime, capacity: Capacity, weights: Weights) -> Self {
        let (heads, blocks) = (dimensions.heads, capacity.blocks);
        let layers = 0..dimensions.layers;
        let cache = match capacity.kv {
            Kv::F32 => Cache::F32(
                layers
                    .map(|_| LayerCache::new(heads.kv, heads.dim, blocks))
                    .collect(),
            ),
            Kv::F16 => Cache::F16(
                layers
                    .map(|_| LayerCache::new(heads.kv, heads.dim, blocks))
                    .collect(),
            ),
        };
        Self {
            buffers: Buffers::new(&dimensions, &capacity, runtime.pool.capacity()),
            tables: vec![0; capacity.slots * capacity.context.div_ceil(KV_BLOCK)],
            dimensions,
            capacity,
            runtime,
            weights,
            cache,
            times: PartTimes::default(),
            governor: Governor::default(),
            kernel_times: None,
        }
    }

    /// Dimensions of the model.
    pub const fn dimensions(&self) -> &Dimensions {
        &self.dimensions
    }

    /// Number of threads that share a step.
    pub fn threads(&self) -> usize {
        self.runtime.pool.capacity().min(self.governor.limit())
    }

    /// Lets only the first `threads` threads share the next steps: at least one, and at most those of the runtime.
    pub fn set_threads(&mut self, threads: usize) {
        self.governor.set_limit(&mut self.runtime.pool, threads);
    }

    /// Instruction set of the kernels.
    pub const fn instruction_set(&self) -> InstructionSet {
        self.runtime.kernels.instruction_set()
    }

    /// Measures the peak rates of the kernels' instruction set at each number of threads.
    ///
    /// # Errors
    /// [`ModelError::Memory`] as [`Runtime::peak_rates`].
    pub fn peak_rates(&mut self) -> Result<Vec<ThreadRates>, ModelError> {
        self.runtime.peak_rates()
    }

    /// Returns the time that each part of the model took since the last call.
    pub fn take_times(&mut self) -> PartTimes {
        std::mem::take(&mut self.times)
    }

    /// Writes entries of the block table of `slot`, from index `first` on.
    ///
    /// # Errors
    /// [`ModelError::OutOfRange`] if the table or the cache is smaller.
    pub fn set_blocks(
        &mut self,
        slot: usize,
        first: usize,
        blocks: &[u32],
    ) -> Result<(), ModelError> {
        let per_slot = self.capacity.context.div_ceil(KV_BLOCK);
        check("slot", slot, self.capacity.slots)?;
        check(
            "table entry",
            (first + blocks.len()).saturating_sub(1),
            per_slot,
        )?;
        for block in blocks {
            check("cache block", *block as usize, self.capacity.blocks)?;
        }
        let at = slot * per_slot + first;
        self.tables[at..at + blocks.len()].copy_from_slice(blocks);
        Ok(())
    }

    /// Copies `count` cache blocks from `from` on over those from `to` on, one after the other.
    ///
    /// # Errors
    /// [`ModelError::OutOfRange`] if the cache is smaller.
    pub fn copy_blocks(&mut self, from: usize, to: usize, count: usize) -> Result<(), ModelError> {
        let last = (from.max(to) + count).saturating_sub(1);
        check("cache block", last, self.capacity.blocks)?;
        for i in 0..count {
            match &mut self.cache {
                Cache::F32(layers) => layers
                    .iter_mut()
                    .for_each(|layer| layer.copy_block(from + i, to + i)),
                Cache::F16(layers) => layers
                    .iter_mut()
                    .for_each(|layer| layer.copy_block(from + i, to + i)),
            }
        }
        Ok(())
    }
}

fn check(what: &'static str, index: usize, count: usize) -> Result<(), ModelError> {
    if index < count {
        return Ok(());
    }
    Err(ModelError::OutOfRange { what, index, count })
}

fn check_count(what: &'static str, count: usize, most: usize) -> Result<(), ModelError> {
    if count <= most {
        return Ok(());
    }
    Err(ModelError::TooMany { what, count, most })
}
