//! The fast path: our own kernels over buffers that are allocated once; the decode step and the picks
//! are recorded once and replayed.

mod buffers;
mod layer;
mod load;
mod matrix;
mod pack;
mod picks;

use std::rc::Rc;

use burn::backend::{BackendTensor, DispatchAutodiffContext, DispatchDevice, DispatchTensor};
use burn::backend::{DispatchTensorKind, cubecl::Device as CubeDevice};
use burn::tensor::{DType, Tensor};
use burn_wgpu::CubeTensor;
use cubecl::bytes::Bytes;
use llamaglass_shaders::{Kernel, Sampling, Way, embed};

use super::device::OpenDevice;
use super::error::ForwardError;
use super::gpu::{Buffer, DeviceStage, Gpu, StepRead, Tape, flat};
use super::model::LogitRows;
use super::pick::PickWay;
use super::rope::frequencies;
use super::shape::Shape;
use crate::weights::ModelConfig;
use buffers::Buffers;
use layer::{Layer, Norm, Weights};
pub use load::load;
use matrix::{After, Matrix, To};
use picks::Picks;

/// Weights, tables, KV cache and buffers of the fast path, for one sequence.
pub struct Fast {
    gpu: Rc<Gpu>,
    device: CubeDevice,
    buffers: Buffers,
    /// [V, C], where it fits one buffer.
    embedding: Option<Matrix>,
    layers: Vec<Layer>,
    norm: Norm,
    /// The output matrix, in row shards, and the column of the logits where each begins.
    head: Vec<(Matrix, usize)>,
    /// [S, D/2] of cosine and sine.
    angles: Buffer,
    picks: Picks,
    recorded: Option<Recorded>,
    /// Blocks of a prompt's rows that are submitted at once.
    blocks_a_submit: usize,
}

/// A model's weights before and after its blocks, on the device.
struct Ends {
    /// [V, C], where it fits one buffer.
    embedding: Option<Matrix>,
    /// After the last block.
    norm: Norm,
    /// The output matrix [V, C], in row shards, and the row where each begins.
    head: Vec<(Matrix, usize)>,
}

/// What is replayed step by step.
struct Recorded {
    decode: Tape,
    argmax: Tape,
    sample: Tape,
}

impl std::fmt::Debug for Fast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fast")
            .field("layers", &self.layers.len())
            .field("replays", &self.recorded.is_some())
            .finish_non_exhaustive()
    }
}

impl Fast {
    /// A path without blocks yet, with room for `shape`. What it launches begins to be compiled.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`] where the weights are not on a GPU, [`ForwardError::Device`] where it
    /// has no room.
    fn new(
        config: &ModelConfig,
        ends: Ends,
        open: &OpenDevice,
        shape: Shape,
    ) -> Result<Self, ForwardError> {
        let DispatchDevice::Cube(cube) = open.device.as_dispatch() else {
            return Err(not_on_a_gpu());
        };
        let gpu = gpu_of(open)?;
        let Ends {
            embedding,
            norm,
            head,
        } = ends;
        let software = open.info.software;
        let ways = (one_row(software), splits(software, shape.context));
        let fast = Self {
            device: cube.clone(),
            buffers: Buffers::new(config, shape, ways, &gpu)?,
            embedding,
            layers: Vec::with_capacity(config.n_layers),
            norm,
            head,
            angles: gpu.create(Bytes::from_elems(angles(config, shape.context)))?,
            picks: Picks::new(config.vocab_size, &gpu)?,
            recorded: None,
            blocks_a_submit: config.n_layers,
            gpu,
        };
        fast.gpu.plan(|| {
            fast.embed(1);
            fast.output(0, 1, &fast.buffers.logits);
            fast.launch_pick(PickWay::Argmax);
            fast.launch_pick(PickWay::Sample);
        });
        Ok(fast)
    }

    /// Adds the next block. What it launches begins to be compiled.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device has no room.
    fn push(
        &mut self,
        weights: Weights,
        config: &ModelConfig,
        shape: Shape,
    ) -> Result<(), ForwardError> {
        let layer = Layer::new(weights, config, shape, &self.gpu)?;
        self.gpu.plan(|| {
            // A row alone, and the rows of a prompt.
            for rows in [1, 2] {
                layer.launch(&self.gpu, &self.buffers, rows, &self.angles);
            }
        });
        self.layers.push(layer);
        Ok(())
    }

    /// Puts a step's ids and position on the device, and the rows [T, C] that the host looked up.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where there are more ids than the buffers have room for.
    pub fn upload(
        &self,
        ids: &[u32],
        position: usize,
        rows: Option<&[f32]>,
    ) -> Result<(), ForwardError> {
        let room = self.buffers.rows;
        if ids.len() > room {
            return Err(ForwardError::Device {
                message: format!(
                    "a step of {} ids, where there is room for {room}",
                    ids.len()
                ),
            });
        }
        let words = [position as u32, ids.len() as u32];
        let words = words.iter().chain(ids);
        let bytes: Vec<u8> = words.flat_map(|word| word.to_le_bytes()).collect();
        self.gpu.write(&self.buffers.step, &bytes)?;
        if let Some(rows) = rows {
            let bytes: Vec<u8> = rows.iter().flat_map(|value| value.to_le_bytes()).collect();
            self.gpu.write(&self.buffers.x, &bytes)?;
        }
        Ok(())
    }

    /// Whether the device looks the ids up itself, so that a step can begin from what it picked.
    pub const fn looks_up(&self) -> bool {
        self.embedding.is_some()
    }

    /// Puts a request's sampling settings on the device.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the runtime refuses.
    pub fn begin(&self, sampling: &Sampling, occurrences: &[u32]) -> Result<(), ForwardError> {
        self.picks.begin(&self.gpu, sampling, occurrences)
    }

    /// Issues a step over the `tokens` that were uploaded, or with nothing uploaded over the one that
    /// was picked last: writes the cache, and picks an id where one is wanted.
    pub fn advance(&self, tokens: usize, pick: Option<PickWay>) {
        let gpu = &self.gpu;
        gpu.stage(DeviceStage::Forward);
        match (pick, &self.recorded) {
            (Some(_), Some(recorded)) if tokens == 1 => gpu.replay(&recorded.decode),
            (pick, _) => {
                self.blocks(tokens);
                if pick.is_some() {
                    self.output(tokens - 1, 1, &self.buffers.logits);
                }
            }
        }
        let Some(way) = pick else { return };
        gpu.stage(DeviceStage::Sampling);
        match (way, &self.recorded) {
            (PickWay::Argmax, Some(recorded)) => gpu.replay(&recorded.argmax),
            (PickWay::Sample, Some(recorded)) => gpu.replay(&recorded.sample),
            (way, None) => self.launch_pick(way),
        }
    }

    /// Submits all that was issued; what was picked last is to be read.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the runtime refuses.
    pub fn read_step(&self) -> Result<StepRead, ForwardError> {
        self.gpu.read_step(&self.picks.picked)
    }

    /// Runs a step over the `tokens` that were uploaded: writes the cache, gives the wanted
    /// logits [rows, V]. Those of the last row are overwritten by the next step.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device has no room for them.
    pub fn encode(
        &self,
        tokens: usize,
        rows: LogitRows,
    ) -> Result<Option<Tensor<2>>, ForwardError> {
        self.blocks(tokens);
        let (count, first) = match rows {
            LogitRows::None => {
                self.gpu.submit()?;
                return Ok(None);
            }
            LogitRows::Last => (1, tokens - 1),
            LogitRows::All => (tokens, 0),
        };
        let logits = if count == 1 {
            self.buffers.logits.clone()
        } else {
            self.gpu.empty(count * self.buffers.vocab * 4)?
        };
        self.output(first, count, &logits);
        self.gpu.submit()?;
        Ok(Some(self.logits(&logits, count)))
    }

    /// The residual stream [T, C] after the embedding of the `tokens` that were uploaded, and after
    /// each block.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device failed.
    pub async fn residuals(&self, tokens: usize) -> Result<Vec<Vec<f32>>, ForwardError> {
        self.embed(tokens);
        let mut all = vec![self.read_rows(tokens).await?];
        for layer in &self.layers {
            layer.launch(&self.gpu, &self.buffers, tokens, &self.angles);
            all.push(self.read_rows(tokens).await?);
        }
        Ok(all)
    }

    async fn read_rows(&self, tokens: usize) -> Result<Vec<f32>, ForwardError> {
        let bytes = self.gpu.read(&self.buffers.x).await?;
        let (words, _) = bytes.as_chunks();
        let values = words.iter().map(|word| f32::from_le_bytes(*word));
        Ok(values.take(tokens * self.buffers.c).collect())
    }

    /// Records the decode step and the picks.
    pub fn record(&mut self) {
        let pick = |way| self.gpu.record(|| self.launch_pick(way));
        self.recorded = Some(Recorded {
            decode: self.gpu.record(|| self.launch(1)),
            argmax: pick(PickWay::Argmax),
            sample: pick(PickWay::Sample),
        });
    }

    /// Runs a step over the `tokens` that were uploaded and the pick behind it, each kernel between two
    /// timestamps; the kernels in their order, and milliseconds.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device failed, or wrote no timestamps.
    pub async fn profile(&self, tokens: usize) -> Result<Vec<(Kernel, f64)>, ForwardError> {
        let step = self.gpu.record(|| {
            self.launch(tokens);
            self.launch_pick(PickWay::Argmax);
        });
        self.gpu.profile(&step).await
    }

    fn launch_pick(&self, way: PickWay) {
        self.picks.launch(&self.gpu, &self.buffers, way);
    }

    /// A step of `tokens` rows, and the logits of its last.
    fn launch(&self, tokens: usize) {
        self.embed(tokens);
        for layer in &self.layers {
            layer.launch(&self.gpu, &self.buffers, tokens, &self.angles);
        }
        self.output(tokens - 1, 1, &self.buffers.logits);
    }

    /// Looks the uploaded ids up, where the host did not.
    fn embed(&self, tokens: usize) {
        let Some(embedding) = &self.embedding else {
            return;
        };
        let Buffers { step, x, c, .. } = &self.buffers;
        let Matrix {
            format,
            blocks,
            quants,
            side,
            ..
        } = embedding;
        let kernel = embed(*format);
        let groups = flat(&kernel, tokens * blocks);
        let info = [tokens, *c, *blocks].map(|n| n as u32);
        self.gpu
            .launch(&kernel, &[step, quants, side, x], &info, groups);
    }

    /// Submits so many blocks of a prompt's rows at once that they take about `most_ms`, where a whole
    /// step takes `step_ms`.
    pub fn pace(&mut self, step_ms: f64, most_ms: f64) {
        let layers = self.layers.len();
        self.blocks_a_submit = ((layers as f64 * most_ms / step_ms) as usize).clamp(1, layers);
    }

    /// The residual stream of `tokens` rows, submitted piece by piece.
    fn blocks(&self, tokens: usize) {
        self.embed(tokens);
        for (index, layer) in self.layers.iter().enumerate() {
            if tokens > 1 && index > 0 && index.is_multiple_of(self.blocks_a_submit) {
                // What refuses here refuses whoever waits for the step, too.
                let _reported_later = self.gpu.submit();
            }
            layer.launch(&self.gpu, &self.buffers, tokens, &self.angles);
        }
    }

    /// The logits of `count` rows of the residual stream, from row `first` on.
    fn output(&self, first: usize, count: usize, logits: &Buffer) {
        let buffers = &self.buffers;
        let (gpu, x) = (&self.gpu, &buffers.x);
        self.norm.launch(gpu, x, first, count, &buffers.normed);
        for (shard, column) in &self.head {
            let to = To {
                y: logits,
                stride: buffers.vocab,
                column: *column,
                add: false,
            };
            let rows = (&buffers.normed, count);
            shard.launch(gpu, buffers.one_row, rows, &to, &After::Nothing);
        }
    }

    fn logits(&self, buffer: &Buffer, rows: usize) -> Tensor<2> {
        let shape = [rows, self.buffers.vocab].into();
        let tensor = CubeTensor::new_contiguous(
            self.gpu.client().clone(),
            self.device.clone(),
            shape,
            buffer.handle().clone(),
            DType::F32,
        );
        Tensor::from_dispatch(DispatchTensor {
            kind: DispatchTensorKind::Cube(BackendTensor::Float(tensor)),
            autodiff: DispatchAutodiffContext::Disabled,
        })
    }
}

/// How a product with one row is computed. Both were measured on adapters that are programs on a
/// CPU, with a matrix [3072, 576] in Q4_1: an invocation for eight columns took 1.3 ms on lavapipe
/// and 2.1 on SwiftShader, a workgroup for eight columns 4.3 on lavapipe. On a GPU neither was
/// measured yet.
fn one_row(software: bool) -> Way {
    if software { Way::Lane } else { Way::Workgroup }
}

/// How many workgroups share a row's positions in attention: without sharing, a GPU would have as
/// many at work as there are heads of keys. A program on a CPU has enough with those.
fn splits(software: bool, context: usize) -> usize {
    if software {
        1
    } else {
        (context / 128).clamp(1, 16)
    }
}

/// Cosine and sine [S, D/2, 2] of every position and pair.
fn angles(config: &ModelConfig, context: usize) -> Vec<f32> {
    let frequencies = frequencies(config);
    let mut angles = Vec::with_capacity(2 * context * frequencies.len());
    for position in 0..context {
        for frequency in &frequencies {
            // In f64: in f32 position 8000 would cost three digits.
            let (sin, cos) = (position as f64 * frequency).sin_cos();
            angles.extend([cos as f32, sin as f32]);
        }
    }
    angles
}

/// What launches on a device.
fn gpu_of(open: &OpenDevice) -> Result<Rc<Gpu>, ForwardError> {
    open.gpu.clone().ok_or_else(not_on_a_gpu)
}

fn not_on_a_gpu() -> ForwardError {
    ForwardError::NoPath {
        path: "fast",
        why: "its weights are not on a GPU".into(),
    }
}
