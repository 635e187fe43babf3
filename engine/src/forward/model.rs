//! A model on a device: weights, KV cache, and one of two paths through it.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::error::ForwardError;
use super::fast::{Fast, TILED_ROWS};
use super::gpu::{Profile, StepRead};
use super::loader::HostEmbedding;
use super::queue;
use super::reference::Reference;
use super::rows::{NextRow, NextRows, Rows};
use super::sampling_mode::SamplingMode;
use crate::weights::ModelConfig;
use llamaglass_shaders::{KV_BLOCK, Sampling, Variant};

/// A Llama model with its KV cache.
#[derive(Debug)]
pub struct Model {
    config: ModelConfig,
    device: Device,
    context: usize,
    /// Embedding for lookup on the host, if the device can't hold it.
    embedding: Option<HostEmbedding>,
    path: Path,
}

/// One of the paths, with its weights.
#[derive(Debug)]
pub(super) enum Path {
    Fast(Box<Fast>),
    Reference(Box<Reference>),
}

/// Rows of a step that get logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogitRows {
    /// None, for a prefill chunk that is not the last.
    None,
    /// The last row.
    Last,
    /// The row with this index.
    Row(usize),
    /// All rows.
    All,
}

/// Inputs of a step, on the device.
#[derive(Debug)]
pub struct StepInput {
    x: Input,
    slot: usize,
    position: usize,
    rows: Rows,
}

#[derive(Debug)]
enum Input {
    /// Ids and attention mask, for the reference path.
    Ids(Tensor<1, Int>, Tensor<3>),
    /// Embedding rows [T, C] looked up on the host and attention mask, for the reference path.
    Rows(Tensor<2>, Tensor<3>),
    /// The fast path keeps its inputs in its own buffers.
    Fast,
}

impl StepInput {
    /// Returns the numbers of rows in the step.
    pub const fn rows(&self) -> Rows {
        self.rows
    }
}

impl Model {
    /// Creates a model whose weights are on `device`, except an embedding that the device can't hold.
    pub(super) fn new(
        config: ModelConfig,
        device: Device,
        context: usize,
        path: Path,
        embedding: Option<HostEmbedding>,
    ) -> Self {
        Self {
            config,
            device,
            context,
            embedding,
            path,
        }
    }

    /// Returns the model's configuration.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Maximum number of positions per sequence.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Returns the device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Uploads a step's ids, the first at `position`, for a sequence that owns the first blocks of the cache.
    /// No other sequence may be cached.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if ids or positions are out of range.
    pub fn upload(&mut self, ids: &[u32], position: usize) -> Result<StepInput, ForwardError> {
        self.lay_out()?;
        self.upload_rows(&NextRows::of(0, position, ids, true))
    }

    /// Assigns the first blocks of the cache to the sequence in slot 0. No other sequence may be cached.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if the runtime rejects the write.
    pub fn lay_out(&self) -> Result<(), ForwardError> {
        let Path::Fast(fast) = &self.path else {
            return Ok(());
        };
        let blocks = self.context.div_ceil(KV_BLOCK) as u32;
        let blocks: Vec<u32> = (1..=blocks).collect();
        fast.set_blocks(0, 0, &blocks)
    }

    /// Writes `blocks` to the block table of the sequence in `slot`, from index `first` on.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if the runtime rejects the write.
    pub fn set_blocks(
        &self,
        slot: usize,
        first: usize,
        blocks: &[u32],
    ) -> Result<(), ForwardError> {
        match &self.path {
            Path::Fast(fast) => fast.set_blocks(slot, first, blocks),
            // Each slot has exactly one block of its own.
            Path::Reference(_) => Ok(()),
        }
    }

    /// Encodes a copy of `count` consecutive cache blocks to others; source and destination must not overlap.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`] if the cache has no blocks.
    pub fn copy_blocks(&self, from_to: [u32; 2], count: usize) -> Result<(), ForwardError> {
        self.fast()?.copy_blocks(from_to, count);
        Ok(())
    }

    /// Uploads a step's rows. On the reference path, they must belong to one sequence.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if ids or positions are out of range.
    pub fn upload_rows(&mut self, next: &NextRows) -> Result<StepInput, ForwardError> {
        let rows = next.rows();
        let vocab = self.config.vocab_size;
        if let Some(NextRow { id, .. }) = rows.iter().find(|row| row.id as usize >= vocab) {
            return Err(ForwardError::Device {
                message: format!("id {id} is outside the vocabulary of {vocab}"),
            });
        }
        let outside = |row: &&NextRow| row.position >= self.context;
        if let Some(NextRow { position, .. }) = rows.iter().find(outside) {
            return Err(ForwardError::Device {
                message: format!(
                    "position {position} is outside the context of {}",
                    self.context
                ),
            });
        }
        let Some(NextRow { position, slot, .. }) = rows.first().copied() else {
            return Err(ForwardError::Device {
                message: "a step of no rows".into(),
            });
        };
        let slot = slot.unwrap_or(0);
        let (host, c, tokens) = (&self.embedding, self.config.hidden_size, rows.len());
        let ids: Vec<u32> = rows.iter().map(|row| row.id).collect();
        let looked_up = host.as_ref().map(|table| table.rows(&ids, c)).transpose()?;
        let x = match &mut self.path {
            Path::Fast(fast) => {
                fast.upload(next, looked_up.as_deref())?;
                Input::Fast
            }
            Path::Reference(reference) => {
                let mask = reference.mask(&self.config, position, tokens);
                match looked_up {
                    Some(rows) => {
                        let data = TensorData::new(rows, [tokens, c]);
                        Input::Rows(Tensor::from_data(data, &self.device), mask)
                    }
                    None => {
                        let ids: Vec<i32> = ids.iter().map(|id| id.cast_signed()).collect();
                        let data = TensorData::new(ids, [tokens]);
                        Input::Ids(Tensor::from_data(data, &self.device), mask)
                    }
                }
            }
        };
        Ok(StepInput {
            x,
            slot,
            position,
            rows: next.count(),
        })
    }

    /// Runs a step block by block and returns the residual stream [T, C] after the embedding and after each
    /// block.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if the device failed.
    pub async fn residuals(&mut self, input: StepInput) -> Result<Vec<Vec<f32>>, ForwardError> {
        let StepInput {
            x,
            slot,
            position,
            rows,
        } = input;
        let at = (slot, position);
        match (&mut self.path, x) {
            (Path::Fast(fast), Input::Fast) => fast.residuals(rows.total()).await,
            (Path::Reference(path), Input::Rows(x, mask)) => {
                path.residuals(&self.config, (x, mask), at).await
            }
            (Path::Reference(path), Input::Ids(ids, mask)) => match path.embed(ids) {
                Some(x) => path.residuals(&self.config, (x, mask), at).await,
                None => Ok(Vec::new()),
            },
            _ => unreachable!("upload makes what its own path takes"),
        }
    }

    /// Returns true if the device samples tokens, which [`Model::advance`] requires.
    pub const fn picks(&self) -> bool {
        matches!(self.path, Path::Fast(_))
    }

    /// Number of prompt rows that exercise every kernel of a prefill. The fast path's kernels are the same
    /// for any number above a threshold; burn tunes its kernels per shape, so there it is `chunk`.
    pub const fn warm_up_rows(&self, chunk: usize) -> usize {
        match self.path {
            Path::Fast(_) if TILED_ROWS < chunk => TILED_ROWS,
            _ => chunk,
        }
    }

    /// Returns the variant of the fast path's kernels.
    pub fn variant(&self) -> Option<Variant> {
        match &self.path {
            Path::Fast(fast) => Some(fast.variant()),
            Path::Reference(_) => None,
        }
    }

    /// Returns true if the device can begin a step from its own samples, before the host knows them.
    pub fn chains(&self) -> bool {
        matches!(&self.path, Path::Fast(fast) if fast.looks_up())
    }

    /// Encodes only the first kernel of a step.
    pub fn encode_first(&self, input: StepInput) {
        match (&self.path, input.x) {
            (Path::Fast(fast), _) => fast.embed(input.rows.total()),
            (Path::Reference(path), Input::Ids(ids, _)) => drop(path.embed(ids)),
            // The host already looked the rows up.
            (Path::Reference(_), _) => {}
        }
    }

    /// Submits all writes and encoded operations to the device.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if the device rejects them.
    pub fn flush(&self) -> Result<(), ForwardError> {
        match &self.path {
            Path::Fast(fast) => fast.flush(),
            Path::Reference(_) => queue::submit(&self.device),
        }
    }

    /// Uploads the sampling settings of the sequence in `slot`, which has already made `draws` draws, and, if
    /// it has penalties, the occurrences of each id (V).
    ///
    /// # Errors
    /// [`ForwardError::NoPath`] if the device does not sample.
    pub fn begin(
        &self,
        slot: usize,
        sampling: (&Sampling, u64),
        occurrences: &[u32],
    ) -> Result<(), ForwardError> {
        let (sampling, draws) = sampling;
        self.fast()?.begin(slot, sampling, draws, occurrences)
    }

    /// Uploads the `mask` of ids that the sequence in `slot` may sample next. It applies to later steps if
    /// the sequence's settings say that it is constrained.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`] if the device does not sample.
    pub fn constrain(&self, slot: usize, mask: &[u32]) -> Result<(), ForwardError> {
        self.fast()?.constrain(slot, mask)
    }

    /// Encodes a step over the uploaded rows, or over the rows that the device made from its latest samples,
    /// which the host need not know yet. The step writes the cache and samples ids in `mode` for the rows
    /// that sample, with the log-probabilities of the `top` most probable ids.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`] if the device does not sample.
    pub fn advance(
        &self,
        rows: Rows,
        mode: SamplingMode,
        top: Option<usize>,
    ) -> Result<(), ForwardError> {
        self.fast()?.advance(rows, mode, top);
        Ok(())
    }

    /// Encodes a step without sampling and returns the logits [N, V] of the rows that would sample, if any.
    /// The next step overwrites them.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`] if the device does not sample.
    pub fn encode_picked(&self, rows: Rows) -> Result<Option<Tensor<2>>, ForwardError> {
        Ok(self.fast()?.encode_sampled(rows))
    }

    /// Chooses whether decode steps are replayed or recorded anew each time. Fast path only.
    pub fn set_replays(&mut self, replays: bool) {
        if let Path::Fast(fast) = &mut self.path {
            fast.set_replays(replays);
        }
    }

    /// Number of decode steps recorded, on the fast path.
    pub fn recordings(&self) -> u64 {
        match &self.path {
            Path::Fast(fast) => fast.captures(),
            Path::Reference(_) => 0,
        }
    }

    /// Chooses whether each decode step first copies keys and values to new memory. Reference path only; the
    /// fast path uses [`Model::copy_blocks`] for that.
    pub fn set_concatenates(&mut self, concatenates: bool) {
        if let Path::Reference(reference) = &mut self.path {
            reference.set_concatenates(concatenates);
        }
    }

    /// Submits everything encoded and requests the `count` ids sampled last, with the log-probabilities of
    /// the `top` most probable ids.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`] if the device does not sample.
    pub fn read_step(&self, count: usize, top: Option<usize>) -> Result<StepRead, ForwardError> {
        self.fast()?.read_step(count, top)
    }

    /// Runs a step over the uploaded rows, and its sampling, with each launch timed by itself. Graph 0 is the
    /// embedding, then one graph per layer, and the last is everything after the layers.
    ///
    /// # Errors
    /// [`ForwardError`] if the model is not on the fast path, or the device has no timestamps.
    pub async fn profile(&self, input: &StepInput) -> Result<Profile, ForwardError> {
        self.fast()?.profile(input.rows.total()).await
    }

    /// Splits prefill into submits of about `most_ms`, given that a chunk of `chunk` ids takes `step_ms`, so
    /// that other users of the device do not wait longer.
    pub fn pace(&mut self, step_ms: f64, most_ms: f64) {
        if let Path::Fast(fast) = &mut self.path {
            fast.pace(step_ms, most_ms);
        }
    }

    fn fast(&self) -> Result<&Fast, ForwardError> {
        match &self.path {
            Path::Fast(fast) => Ok(fast),
            Path::Reference(_) => Err(ForwardError::NoPath {
                path: "fast",
                why: "it was loaded for the reference path".into(),
            }),
        }
    }

    /// Encodes a step, which writes the cache at the step's positions, and returns the requested logits
    /// [rows, V].
    ///
    /// # Errors
    /// [`ForwardError::Device`] if the device has no room for them.
    pub fn encode(
        &mut self,
        input: StepInput,
        rows: LogitRows,
    ) -> Result<Option<Tensor<2>>, ForwardError> {
        let StepInput {
            x,
            slot,
            position,
            rows: step,
        } = input;
        let at = (slot, position);
        Ok(match (&mut self.path, x) {
            (Path::Fast(fast), Input::Fast) => fast.encode(step.total(), rows)?,
            (Path::Reference(path), Input::Rows(x, mask)) => {
                path.encode(&self.config, (x, mask), at, rows)
            }
            (Path::Reference(path), Input::Ids(ids, mask)) => {
                let x = path.embed(ids);
                x.and_then(|x| path.encode(&self.config, (x, mask), at, rows))
            }
            _ => unreachable!("upload makes what its own path takes"),
        })
    }
}
