//! The fast path: our own kernels over buffers that are allocated once; the decode step and the picks
//! are recorded once and replayed.

mod buffers;
mod layer;
mod load;
mod matrix;
mod pack;
mod picks;
mod tapes;

use std::rc::Rc;

use burn::backend::{BackendTensor, DispatchAutodiffContext, DispatchDevice, DispatchTensor};
use burn::backend::{DispatchTensorKind, cubecl::Device as CubeDevice};
use burn::tensor::{DType, Tensor};
use burn_wgpu::CubeTensor;
use cubecl::bytes::Bytes;
use llamaglass_shaders::step::{NO_BLOCKS, Row, words};
use llamaglass_shaders::{Sampling, Variant, embed};

use super::device::OpenDevice;
use super::error::ForwardError;
use super::gpu::{Buffer, DeviceStage, Gpu, Profile, StepRead, Work, flat};
use super::model::LogitRows;
use super::pick::PickWay;
use super::rope::frequencies;
use super::rows::{NextRow, NextRows, Rows};
use super::shape::Shape;
use crate::weights::ModelConfig;
use buffers::Buffers;
use layer::{Layer, Norm, Weights};
pub use load::load;
pub use matrix::TILED_ROWS;
use matrix::{After, Matrix, To};
use picks::Picks;
use tapes::{Taped, Tapes};

/// Weights, tables, KV cache and buffers of the fast path.
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
    tapes: Tapes,
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

impl std::fmt::Debug for Fast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fast")
            .field("layers", &self.layers.len())
            .field("tapes", &self.tapes)
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
        (shape, variant): (Shape, Variant),
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
        let ways = (variant, splits(variant, shape.context));
        let fast = Self {
            device: cube.clone(),
            buffers: Buffers::new(config, shape, ways, &gpu)?,
            embedding,
            layers: Vec::with_capacity(config.n_layers),
            norm,
            head,
            angles: gpu.create(Bytes::from_elems(angles(config, shape.context)))?,
            picks: Picks::new(shape.batch, config.vocab_size, &gpu)?,
            tapes: Tapes::default(),
            blocks_a_submit: config.n_layers,
            gpu,
        };
        fast.gpu.plan(|| {
            fast.embed(1);
            fast.output(0, 1, &fast.buffers.logits);
            fast.launch_pick(PickWay::Argmax, 1);
            fast.launch_pick(PickWay::Sample, 1);
            if shape.batch > 1 {
                // What several prompts at once need besides.
                let Buffers {
                    x, step, normed, ..
                } = &fast.buffers;
                fast.norm.launch_picked(&fast.gpu, x, step, 1, normed);
            }
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
            layer.copy_blocks(&self.gpu, [0, 0], 1);
            for rows in [Rows::decode(1), Rows::prompt(TILED_ROWS)] {
                layer.launch(&self.gpu, &self.buffers, rows, &self.angles);
            }
        });
        self.layers.push(layer);
        Ok(())
    }

    /// Puts a step's rows on the device, and what the host `looked_up` for them [T, C].
    ///
    /// # Errors
    /// [`ForwardError::Device`] where there are more rows than the buffers have room for.
    pub fn upload(&self, next: &NextRows, looked_up: Option<&[f32]>) -> Result<(), ForwardError> {
        let (rows, room) = (next.rows(), self.buffers.rows);
        if rows.len() > room {
            return Err(ForwardError::Device {
                message: format!(
                    "a step of {} rows, where there is room for {room}",
                    rows.len()
                ),
            });
        }
        let place = |row: &NextRow| Row {
            id: row.id,
            position: row.position as u32,
            blocks: row
                .slot
                .map_or(NO_BLOCKS, |slot| self.buffers.blocks_of(slot) as u32),
            slot: row.slot.unwrap_or(0) as u32,
        };
        let rows: Vec<Row> = rows.iter().map(place).collect();
        let words = words(&rows, next.picks(), next.chains());
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.gpu.write(&self.buffers.step, 0, &bytes)?;
        if let Some(values) = looked_up {
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            self.gpu.write(&self.buffers.x, 0, &bytes)?;
        }
        Ok(())
    }

    /// The sequence in `slot` has `blocks` of the cache from its block `first` on.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the runtime refuses.
    pub fn set_blocks(
        &self,
        slot: usize,
        first: usize,
        blocks: &[u32],
    ) -> Result<(), ForwardError> {
        let bytes: Vec<u8> = blocks
            .iter()
            .flat_map(|block| block.to_le_bytes())
            .collect();
        let word = self.buffers.blocks_of(slot) + first;
        self.gpu.write(&self.buffers.step, 4 * word, &bytes)
    }

    /// Issues a copy of `count` blocks of the cache over others, before anything that is issued later.
    pub fn copy_blocks(&self, from_to: [u32; 2], count: usize) {
        self.gpu.stage(DeviceStage::Forward);
        for layer in &self.layers {
            layer.copy_blocks(&self.gpu, from_to, count);
        }
    }

    /// Which variant of the kernels is launched.
    pub const fn variant(&self) -> Variant {
        self.buffers.variant
    }

    /// Whether the device looks the ids up itself, so that a step can begin from what it picked.
    pub const fn looks_up(&self) -> bool {
        self.embedding.is_some()
    }

    /// Puts the sampling settings of the sequence in `slot` on the device, of which `draws` were made.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the runtime refuses.
    pub fn begin(
        &self,
        slot: usize,
        (sampling, draws): (&Sampling, u64),
        occurrences: &[u32],
    ) -> Result<(), ForwardError> {
        let sampling = (sampling, draws);
        self.picks.begin(&self.gpu, slot, sampling, occurrences)
    }

    /// Puts the mask of what the sequence in `slot` may have next on the device.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the runtime refuses.
    pub fn constrain(&self, slot: usize, mask: &[u32]) -> Result<(), ForwardError> {
        self.picks.constrain(&self.gpu, slot, mask)
    }

    /// Issues a step over the rows that were uploaded, or with nothing uploaded over those that were
    /// picked last: writes the cache, and picks in `way` where rows are to be picked from. `top` works out
    /// log-probabilities of the picks and of so many most probable ids.
    pub fn advance(&self, rows: Rows, way: PickWay, top: Option<usize>) {
        self.forward(rows);
        let (gpu, picks) = (&self.gpu, rows.picks);
        if picks == 0 {
            return;
        }
        gpu.stage(DeviceStage::Sampling);
        self.replay(Taped::Pick(way), picks);
        if let Some(top) = top {
            self.picks.launch_logprobs(gpu, &self.buffers, picks, top);
        }
    }

    /// The same without the picks: the logits of the rows that are to be picked from.
    pub fn encode_picked(&self, rows: Rows) -> Option<Tensor<2>> {
        self.forward(rows);
        (rows.picks > 0).then(|| self.logits(&self.buffers.logits, rows.picks))
    }

    /// A step up to the logits of the rows that are picked from.
    fn forward(&self, rows: Rows) {
        self.gpu.stage(DeviceStage::Forward);
        if rows.picks > 0 && rows.is_decode() {
            return self.replay(Taped::Decode, rows.picks);
        }
        self.blocks(rows);
        if rows.picks > 0 {
            self.picked_output(rows);
        }
    }

    /// Replays `what` there is for `count` rows.
    fn replay(&self, what: Taped, count: usize) {
        let tape = self.tapes.get(&self.gpu, what, count, || match what {
            Taped::Decode => self.launch(Rows::decode(count)),
            Taped::Pick(way) => self.launch_pick(way, count),
        });
        self.gpu.replay(&tape);
    }

    /// Whether what was recorded is used again, or recorded anew each time.
    pub const fn set_replays(&mut self, replays: bool) {
        self.tapes.replays = replays;
    }

    /// How often a decode step was recorded.
    pub const fn recordings(&self) -> u64 {
        self.tapes.recordings.get()
    }

    /// Submits all that was issued; the `count` ids that were picked last are to be read, and what was
    /// worked out for the `top` most probable ones.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the runtime refuses.
    pub fn read_step(&self, count: usize, top: Option<usize>) -> Result<StepRead, ForwardError> {
        let logprobs = top.map(|top| (&self.picks.logprobs, top));
        self.gpu.read_step(&self.picks.picked, count, logprobs)
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
        self.blocks(Rows::prompt(tokens));
        let (count, first) = match rows {
            LogitRows::None => {
                self.gpu.submit()?;
                return Ok(None);
            }
            LogitRows::Last => (1, tokens - 1),
            LogitRows::Row(row) => (1, row),
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
            let rows = Rows::prompt(tokens);
            layer.launch(&self.gpu, &self.buffers, rows, &self.angles);
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

    /// Runs a step over the `tokens` that were uploaded and the pick behind it, each launch between two
    /// timestamps: those of the embedding as tape 0, then a tape a layer, and one of what comes after them.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device failed, or wrote no timestamps.
    pub async fn profile(&self, tokens: usize) -> Result<Profile, ForwardError> {
        let (gpu, rows) = (&self.gpu, Rows::prompt(tokens));
        let mut tapes = vec![gpu.record(|| self.embed(tokens))];
        let layer =
            |layer: &Layer| gpu.record(|| layer.launch(gpu, &self.buffers, rows, &self.angles));
        tapes.extend(self.layers.iter().map(layer));
        tapes.push(gpu.record(|| {
            self.picked_output(rows);
            self.launch_pick(PickWay::Argmax, 1);
        }));
        gpu.profile(&tapes).await
    }

    fn launch_pick(&self, way: PickWay, count: usize) {
        self.picks.launch(&self.gpu, &self.buffers, way, count);
    }

    /// A step, and the logits of the rows that are picked from.
    fn launch(&self, rows: Rows) {
        self.embed(rows.total());
        for layer in &self.layers {
            layer.launch(&self.gpu, &self.buffers, rows, &self.angles);
        }
        self.picked_output(rows);
    }

    /// Hands all that was written and issued to the device.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the runtime refuses.
    pub fn flush(&self) -> Result<(), ForwardError> {
        self.gpu.flush()
    }

    /// Looks the uploaded ids up, where the host did not.
    pub fn embed(&self, tokens: usize) {
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
        let row = (quants.bytes() + side.bytes()) / embedding.out as u64 + 4 * *c as u64;
        let work = Work {
            bytes: tokens as u64 * row,
            ..Default::default()
        };
        let buffers = [step, quants, side, x];
        self.gpu.launch_for(work, &kernel, &buffers, &info, groups);
    }

    /// Submits so many blocks of a prompt's rows at once that they take about `most_ms`, where a whole
    /// step takes `step_ms`.
    pub fn pace(&mut self, step_ms: f64, most_ms: f64) {
        let layers = self.layers.len();
        self.blocks_a_submit = ((layers as f64 * most_ms / step_ms) as usize).clamp(1, layers);
    }

    /// The residual stream of `rows`, a prompt's submitted piece by piece.
    fn blocks(&self, rows: Rows) {
        self.embed(rows.total());
        for (index, layer) in self.layers.iter().enumerate() {
            if rows.tiled > 0 && index > 0 && index.is_multiple_of(self.blocks_a_submit) {
                // What refuses here refuses whoever waits for the step, too.
                let _reported_later = self.gpu.submit();
            }
            layer.launch(&self.gpu, &self.buffers, rows, &self.angles);
        }
    }

    /// The logits of the rows that are picked from.
    fn picked_output(&self, rows: Rows) {
        let Buffers {
            x,
            step,
            normed,
            logits,
            ..
        } = &self.buffers;
        let count = rows.picks;
        match rows.first_pick {
            Some(first) => self.output(first, count, logits),
            None => {
                self.norm.launch_picked(&self.gpu, x, step, count, normed);
                self.head(count, logits);
            }
        }
    }

    /// The logits of `count` rows of the residual stream, from row `first` on.
    fn output(&self, first: usize, count: usize, logits: &Buffer) {
        let Buffers { x, normed, .. } = &self.buffers;
        self.norm.launch(&self.gpu, x, first, count, normed);
        self.head(count, logits);
    }

    /// The output matrix times the first `count` normed rows.
    fn head(&self, count: usize, logits: &Buffer) {
        let buffers = &self.buffers;
        for (shard, column) in &self.head {
            let to = To {
                y: logits,
                stride: buffers.vocab,
                column: *column,
                add: false,
            };
            let rows = (&buffers.normed, count);
            shard.launch(&self.gpu, buffers.variant, rows, &to, &After::Nothing);
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

/// How many workgroups share a row's positions in attention: without sharing, a GPU would have as
/// many at work as there are heads of keys. A program on a CPU has enough with those.
fn splits(variant: Variant, context: usize) -> usize {
    match variant {
        Variant::Lanes => 1,
        Variant::Workgroups | Variant::Subgroups => (context / 128).clamp(1, 16),
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
