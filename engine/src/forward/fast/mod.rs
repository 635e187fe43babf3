//! The fast path: our own kernels on buffers that are allocated once. The decode step and its sampling are
//! captured once and replayed.

mod buffers;
mod captured;
mod layer;
mod load;
mod matrix;
mod pack;
mod sampling;
mod step;

use std::rc::Rc;

use burn::backend::DispatchDevice;
use burn::backend::cubecl::Device as CubeDevice;
use burn::tensor::Device;
use cubecl::bytes::Bytes;
use llamaglass_shaders::step::{NULL_BLOCK_TABLE, Row, words};
use llamaglass_shaders::{Sampling, Variant};

use super::device::OpenDevice;
use super::error::ForwardError;
use super::gpu::{Buffer, DeviceStage, Gpu};
use super::rope::angles;
use super::rows::{NextRow, NextRows, Rows};
use super::sampling_mode::SamplingMode;
use super::shape::Shape;
use crate::weights::ModelConfig;
use buffers::Buffers;
use captured::CapturedSteps;
use layer::{Layer, Norm, Weights};
pub use load::load;
use matrix::Matrix;
pub use matrix::TILED_ROWS;
use sampling::SamplingBuffers;

/// Weights, tables, KV cache and buffers of the fast path.
pub struct Fast {
    gpu: Rc<Gpu>,
    device: CubeDevice,
    buffers: Buffers,
    /// Embedding [V, C], if it fits one buffer.
    embedding: Option<Matrix>,
    layers: Vec<Layer>,
    norm: Norm,
    /// Output matrix, split by rows, with the logits column at which each part begins.
    head: Vec<(Matrix, usize)>,
    /// Cosines and sines, [S, D/2, 2].
    angles: Buffer,
    sampling: SamplingBuffers,
    captured: CapturedSteps,
    /// Number of layers per submit in steps with tiled rows.
    layers_per_submit: usize,
}

/// Weights before and after the layers, on the device.
struct Ends {
    /// Embedding [V, C], if it fits one buffer.
    embedding: Option<Matrix>,
    /// Norm after the last layer.
    norm: Norm,
    /// Output matrix [V, C], split by rows, with the row at which each part begins.
    head: Vec<(Matrix, usize)>,
}

impl std::fmt::Debug for Fast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fast")
            .field("layers", &self.layers.len())
            .field("captured", &self.captured)
            .finish_non_exhaustive()
    }
}

impl Fast {
    /// Creates a path without layers, with buffers for `shape`, and starts compiling the kernels it launches.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`] if the weights are not on a GPU, [`ForwardError::Device`] if it has too
    /// little memory.
    fn new(
        config: &ModelConfig,
        ends: Ends,
        open: &OpenDevice,
        shape: Shape,
        variant: Variant,
    ) -> Result<Self, ForwardError> {
        let device = open.device.as_ref().ok_or_else(not_on_a_gpu)?;
        let cube = cube_of(device)?;
        let gpu = gpu_of(open)?;
        let Ends {
            embedding,
            norm,
            head,
        } = ends;
        let fast = Self {
            device: cube.clone(),
            buffers: Buffers::new(config, shape, variant, &gpu)?,
            embedding,
            layers: Vec::with_capacity(config.n_layers),
            norm,
            head,
            angles: gpu.create(Bytes::from_elems(
                angles(config, shape.context).into_flattened(),
            ))?,
            sampling: SamplingBuffers::new(shape.batch, config.vocab_size, &gpu)?,
            captured: CapturedSteps::default(),
            layers_per_submit: config.n_layers,
            gpu,
        };
        fast.gpu.precompile(|| {
            fast.embed(1);
            fast.output(0, 1, &fast.buffers.logits);
            fast.launch_sampling(SamplingMode::Argmax, 1);
            fast.launch_sampling(SamplingMode::Sample, 1);
            if shape.batch > 1 {
                // Also needed for several prompts in one step.
                let Buffers {
                    x, step, normed, ..
                } = &fast.buffers;
                fast.norm.launch_sampled(&fast.gpu, x, step, 1, normed);
                fast.head(shape.batch, &fast.buffers.logits);
            }
        });
        Ok(fast)
    }

    /// Adds the next layer and starts compiling the kernels it launches.
    fn push(
        &mut self,
        weights: Weights,
        config: &ModelConfig,
        shape: Shape,
    ) -> Result<(), ForwardError> {
        let layer = Layer::new(weights, config, shape, &self.gpu)?;
        self.gpu.precompile(|| {
            // A single row, and the rows of a prompt.
            layer.copy_blocks(&self.gpu, [0, 0], 1);
            for rows in [Rows::decode(1), Rows::prompt(TILED_ROWS)] {
                layer.launch(&self.gpu, &self.buffers, rows, &self.angles);
            }
        });
        self.layers.push(layer);
        Ok(())
    }

    /// Uploads a step's rows and, if the host looked them up, their embeddings `looked_up` [T, C].
    ///
    /// # Errors
    /// [`ForwardError::Device`] if there are more rows than the buffers can hold.
    pub fn upload(&self, next: &NextRows, looked_up: Option<&[f32]>) -> Result<(), ForwardError> {
        let (rows, max) = (next.rows(), self.buffers.rows);
        if rows.len() > max {
            return Err(ForwardError::device(format!(
                "a step of {} rows exceeds the maximum of {max}",
                rows.len()
            )));
        }
        let encode = |row: &NextRow| Row {
            id: row.id,
            position: row.position as u32,
            blocks: row.slot.map_or(NULL_BLOCK_TABLE, |slot| {
                self.buffers.block_table(slot) as u32
            }),
            slot: row.slot.unwrap_or(0) as u32,
        };
        let rows: Vec<Row> = rows.iter().map(encode).collect();
        let words = words(&rows, next.samples(), next.chains());
        self.gpu
            .write(&self.buffers.step, 0, bytemuck::cast_slice(&words))?;
        if let Some(values) = looked_up {
            self.gpu
                .write(&self.buffers.x, 0, bytemuck::cast_slice(values))?;
        }
        Ok(())
    }

    /// Writes `blocks` to the block table of the sequence in `slot`, from index `first` on.
    pub fn set_blocks(
        &self,
        slot: usize,
        first: usize,
        blocks: &[u32],
    ) -> Result<(), ForwardError> {
        let word = self.buffers.block_table(slot) + first;
        self.gpu
            .write(&self.buffers.step, 4 * word, bytemuck::cast_slice(blocks))
    }

    /// Encodes a copy of `count` cache blocks to others, ahead of everything encoded later.
    pub fn copy_blocks(&self, from_to: [u32; 2], count: usize) {
        self.gpu.stage(DeviceStage::Forward);
        for layer in &self.layers {
            layer.copy_blocks(&self.gpu, from_to, count);
        }
    }

    /// Returns the kernel variant in use.
    pub const fn variant(&self) -> Variant {
        self.buffers.variant
    }

    /// Uploads the sampling settings of the sequence in `slot`, which has already made `draws` draws, and, if
    /// it has penalties, the occurrences of each id (V).
    pub fn begin(
        &self,
        slot: usize,
        sampling: &Sampling,
        draws: u64,
        occurrences: &[u32],
    ) -> Result<(), ForwardError> {
        self.sampling
            .begin(&self.gpu, slot, sampling, draws, occurrences)
    }

    /// Uploads the mask of ids that the sequence in `slot` may sample next.
    pub fn constrain(&self, slot: usize, mask: &[u32]) -> Result<(), ForwardError> {
        self.sampling.constrain(&self.gpu, slot, mask)
    }

    /// Chooses whether captured steps are replayed or captured anew each time.
    pub const fn set_replays(&mut self, replays: bool) {
        self.captured.replays = replays;
    }

    /// Returns the number of decode steps captured.
    pub const fn captures(&self) -> u64 {
        self.captured.captures.get()
    }

    /// Submits all writes and encoded operations to the device.
    pub fn flush(&self) -> Result<(), ForwardError> {
        self.gpu.flush()
    }

    /// Sets the number of layers per submit so that each takes about `max_ms`, given that a full step takes
    /// `step_ms`.
    pub fn pace(&mut self, step_ms: f64, max_ms: f64) {
        let layers = self.layers.len();
        self.layers_per_submit = ((layers as f64 * max_ms / step_ms) as usize).clamp(1, layers);
    }
}

/// Returns CubeCL's device.
fn cube_of(device: &Device) -> Result<&CubeDevice, ForwardError> {
    match device.as_dispatch() {
        DispatchDevice::Cube(cube) => Ok(cube),
        #[cfg(feature = "reference")]
        _ => Err(not_on_a_gpu()),
    }
}

/// Returns the GPU of an open device.
fn gpu_of(open: &OpenDevice) -> Result<Rc<Gpu>, ForwardError> {
    open.gpu.clone().ok_or_else(not_on_a_gpu)
}

fn not_on_a_gpu() -> ForwardError {
    ForwardError::NoPath {
        path: "fast",
        why: "its weights are not on a GPU".into(),
    }
}
