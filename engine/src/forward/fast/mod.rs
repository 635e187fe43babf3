//! The fast path: our own kernels on buffers that are allocated once. The decode step and its sampling are
//! recorded once and replayed.

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
use super::rope::frequencies;
use super::rows::{LogitRows, NextRow, NextRows, Rows};
use super::sampling_mode::SamplingMode;
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
    /// Embedding [V, C], if it fits one buffer.
    embedding: Option<Matrix>,
    layers: Vec<Layer>,
    norm: Norm,
    /// Output matrix, split by rows, with the logits column at which each part begins.
    head: Vec<(Matrix, usize)>,
    /// Cosines and sines, [S, D/2, 2].
    angles: Buffer,
    picks: Picks,
    tapes: Tapes,
    /// Number of layers per submit in steps with tiled rows.
    blocks_a_submit: usize,
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
            .field("tapes", &self.tapes)
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
            fast.launch_pick(SamplingMode::Argmax, 1);
            fast.launch_pick(SamplingMode::Sample, 1);
            if shape.batch > 1 {
                // Also needed for several prompts in one step.
                let Buffers {
                    x, step, normed, ..
                } = &fast.buffers;
                fast.norm.launch_picked(&fast.gpu, x, step, 1, normed);
            }
        });
        Ok(fast)
    }

    /// Adds the next layer and starts compiling the kernels it launches.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if the device has too little memory.
    fn push(
        &mut self,
        weights: Weights,
        config: &ModelConfig,
        shape: Shape,
    ) -> Result<(), ForwardError> {
        let layer = Layer::new(weights, config, shape, &self.gpu)?;
        self.gpu.plan(|| {
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

    /// Writes `blocks` to the block table of the sequence in `slot`, from index `first` on.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if the runtime rejects it.
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
    ///
    /// # Errors
    /// [`ForwardError::Device`] if the runtime rejects it.
    pub fn begin(
        &self,
        slot: usize,
        (sampling, draws): (&Sampling, u64),
        occurrences: &[u32],
    ) -> Result<(), ForwardError> {
        let sampling = (sampling, draws);
        self.picks.begin(&self.gpu, slot, sampling, occurrences)
    }

    /// Uploads the mask of ids that the sequence in `slot` may sample next.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if the runtime rejects it.
    pub fn constrain(&self, slot: usize, mask: &[u32]) -> Result<(), ForwardError> {
        self.picks.constrain(&self.gpu, slot, mask)
    }

    /// Encodes a step over the uploaded rows, or, without an upload, over the rows made from the latest
    /// samples. The step writes the cache and samples in mode `mode` for the rows that sample. With `top`, it
    /// also computes log-probabilities of the samples and of that many most probable ids.
    pub fn advance(&self, rows: Rows, mode: SamplingMode, top: Option<usize>) {
        self.forward(rows);
        let (gpu, picks) = (&self.gpu, rows.picks);
        if picks == 0 {
            return;
        }
        gpu.stage(DeviceStage::Sampling);
        self.replay(Taped::Pick(mode), picks);
        if let Some(top) = top {
            self.picks.launch_logprobs(gpu, &self.buffers, picks, top);
        }
    }

    /// Encodes a step without sampling and returns the logits of the rows that would sample.
    pub fn encode_picked(&self, rows: Rows) -> Option<Tensor<2>> {
        self.forward(rows);
        (rows.picks > 0).then(|| self.logits(&self.buffers.logits, rows.picks))
    }

    /// Encodes a step up to the logits of the rows that sample.
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

    /// Replays the tape `what` for `count` rows.
    fn replay(&self, what: Taped, count: usize) {
        let tape = self.tapes.get(&self.gpu, what, count, || match what {
            Taped::Decode => self.launch(Rows::decode(count)),
            Taped::Pick(mode) => self.launch_pick(mode, count),
        });
        self.gpu.replay(&tape);
    }

    /// Chooses whether tapes are replayed or recorded anew each time.
    pub const fn set_replays(&mut self, replays: bool) {
        self.tapes.replays = replays;
    }

    /// Returns the number of decode steps recorded.
    pub const fn recordings(&self) -> u64 {
        self.tapes.recordings.get()
    }

    /// Submits everything encoded and requests the `count` ids sampled last, with the log-probabilities of
    /// the `top` most probable ids.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if the runtime rejects it.
    pub fn read_step(&self, count: usize, top: Option<usize>) -> Result<StepRead, ForwardError> {
        let logprobs = top.map(|top| (&self.picks.logprobs, top));
        self.gpu.read_step(&self.picks.picked, count, logprobs)
    }

    /// Runs a step over the `tokens` uploaded rows, which writes the cache, and returns the requested logits
    /// [rows, V]. The next step overwrites the logits of a single row.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if the device has too little memory.
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

    /// Returns the residual stream [T, C] of the `tokens` uploaded rows after the embedding and after each
    /// layer.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if the device failed.
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

    /// Runs a step over the `tokens` uploaded rows, and its sampling, with each launch between two
    /// timestamps. Tape 0 is the embedding, then one tape per layer, and the last is everything after the
    /// layers.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if the device failed or wrote no timestamps.
    pub async fn profile(&self, tokens: usize) -> Result<Profile, ForwardError> {
        let (gpu, rows) = (&self.gpu, Rows::prompt(tokens));
        let mut tapes = vec![gpu.record(|| self.embed(tokens))];
        let layer =
            |layer: &Layer| gpu.record(|| layer.launch(gpu, &self.buffers, rows, &self.angles));
        tapes.extend(self.layers.iter().map(layer));
        tapes.push(gpu.record(|| {
            self.picked_output(rows);
            self.launch_pick(SamplingMode::Argmax, 1);
        }));
        gpu.profile(&tapes).await
    }

    fn launch_pick(&self, mode: SamplingMode, count: usize) {
        self.picks.launch(&self.gpu, &self.buffers, mode, count);
    }

    /// Launches a step up to the logits of the rows that sample.
    fn launch(&self, rows: Rows) {
        self.embed(rows.total());
        for layer in &self.layers {
            layer.launch(&self.gpu, &self.buffers, rows, &self.angles);
        }
        self.picked_output(rows);
    }

    /// Submits all writes and encoded operations to the device.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if the runtime rejects it.
    pub fn flush(&self) -> Result<(), ForwardError> {
        self.gpu.flush()
    }

    /// Looks the uploaded ids up, unless the host did.
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

    /// Sets the number of layers per submit so that each takes about `most_ms`, given that a full step takes
    /// `step_ms`.
    pub fn pace(&mut self, step_ms: f64, most_ms: f64) {
        let layers = self.layers.len();
        self.blocks_a_submit = ((layers as f64 * most_ms / step_ms) as usize).clamp(1, layers);
    }

    /// Runs `rows` through the embedding and all layers; steps with tiled rows are split into several
    /// submits.
    fn blocks(&self, rows: Rows) {
        self.embed(rows.total());
        for (index, layer) in self.layers.iter().enumerate() {
            if rows.tiled > 0 && index > 0 && index.is_multiple_of(self.blocks_a_submit) {
                // An error here also fails the readback that the caller waits for.
                let _reported_later = self.gpu.submit();
            }
            layer.launch(&self.gpu, &self.buffers, rows, &self.angles);
        }
    }

    /// Computes the logits of the rows that sample.
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

    /// Computes the logits of `count` rows of the residual stream, from row `first` on.
    fn output(&self, first: usize, count: usize, logits: &Buffer) {
        let Buffers { x, normed, .. } = &self.buffers;
        self.norm.launch(&self.gpu, x, first, count, normed);
        self.head(count, logits);
    }

    /// Multiplies the first `count` normed rows by the output matrix.
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

/// Returns the number of workgroups that share a row's positions in attention. With one each, a GPU would run
/// only as many workgroups as there are kv heads; for a software adapter those are enough.
fn splits(variant: Variant, context: usize) -> usize {
    match variant {
        Variant::Lanes => 1,
        Variant::Workgroups | Variant::Subgroups => (context / 128).clamp(1, 16),
    }
}

/// Returns the cosine and sine [S, D/2, 2] of every position and pair.
fn angles(config: &ModelConfig, context: usize) -> Vec<f32> {
    let frequencies = frequencies(config);
    let mut angles = Vec::with_capacity(2 * context * frequencies.len());
    for position in 0..context {
        for frequency in &frequencies {
            // Compute in f64: in f32, position 8000 would lose three digits.
            let (sin, cos) = (position as f64 * frequency).sin_cos();
            angles.extend([cos as f32, sin as f32]);
        }
    }
    angles
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
