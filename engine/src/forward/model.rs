//! The model on a device: its weights, its KV cache, and one of two paths through it.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::error::ForwardError;
use super::fast::{Fast, TILED_ROWS};
use super::gpu::{Profile, StepRead};
use super::loader::HostEmbedding;
use super::pick::PickWay;
use super::queue;
use super::reference::Reference;
use super::rows::{NextRow, NextRows, Rows};
use crate::weights::ModelConfig;
use llamaglass_shaders::{KV_BLOCK, Sampling, Variant};

/// A Llama with its KV cache.
#[derive(Debug)]
pub struct Model {
    config: ModelConfig,
    device: Device,
    context: usize,
    /// Where the device can't hold it.
    embedding: Option<HostEmbedding>,
    path: Path,
}

/// The path through a model, with its weights.
#[derive(Debug)]
pub(super) enum Path {
    Fast(Box<Fast>),
    Reference(Box<Reference>),
}

/// Which of a step's rows get logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogitRows {
    /// None: a prefill chunk that is not the last.
    None,
    /// The last one.
    Last,
    /// This one.
    Row(usize),
    /// All of them.
    All,
}

/// A step's inputs on the device.
#[derive(Debug)]
pub struct StepInput {
    x: Input,
    slot: usize,
    position: usize,
    rows: Rows,
}

#[derive(Debug)]
enum Input {
    /// The reference path: ids, and what is added to the scores.
    Ids(Tensor<1, Int>, Tensor<3>),
    /// The same with looked up rows [T, C].
    Rows(Tensor<2>, Tensor<3>),
    /// The fast path has them in buffers of its own.
    Fast,
}

impl StepInput {
    /// How many rows of what.
    pub const fn rows(&self) -> Rows {
        self.rows
    }
}

impl Model {
    /// A model over weights that are on `device`, but for an embedding that it can't hold.
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

    /// The model's configuration.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Positions of the KV cache.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Where it is.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Puts a step's ids on the device, the first at `position`, of a sequence that has the first blocks
    /// of the cache. No other may be cached.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where ids or positions are outside what the model was made for.
    pub fn upload(&mut self, ids: &[u32], position: usize) -> Result<StepInput, ForwardError> {
        self.lay_out()?;
        self.upload_rows(&NextRows::of(0, position, ids, true))
    }

    /// The sequence in slot 0 has the first blocks of the cache. No other may be cached.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the runtime refuses.
    pub fn lay_out(&self) -> Result<(), ForwardError> {
        let Path::Fast(fast) = &self.path else {
            return Ok(());
        };
        let blocks = self.context.div_ceil(KV_BLOCK) as u32;
        let blocks: Vec<u32> = (1..=blocks).collect();
        fast.set_blocks(0, 0, &blocks)
    }

    /// The sequence in `slot` has `blocks` of the cache from its block number `first` on.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the runtime refuses.
    pub fn set_blocks(
        &self,
        slot: usize,
        first: usize,
        blocks: &[u32],
    ) -> Result<(), ForwardError> {
        match &self.path {
            Path::Fast(fast) => fast.set_blocks(slot, first, blocks),
            // A slot has one block, its own.
            Path::Reference(_) => Ok(()),
        }
    }

    /// Issues a copy of `count` blocks of the cache over others, all of which are none of these.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`] where the cache has no blocks.
    pub fn copy_blocks(&self, from_to: [u32; 2], count: usize) -> Result<(), ForwardError> {
        self.fast()?.copy_blocks(from_to, count);
        Ok(())
    }

    /// Puts a step's rows on the device. On the reference path they are of one sequence.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where ids or positions are outside what the model was made for.
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

    /// Runs a step block by block: the residual stream [T, C] after the embedding, and after each.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device failed.
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

    /// Whether the device picks tokens, so that [`Model::advance`] can be used.
    pub const fn picks(&self) -> bool {
        matches!(self.path, Path::Fast(_))
    }

    /// How many rows of a prompt run all that any prompt runs: our own kernels are the same for any
    /// number from some on; burn tunes its own for shapes, so there it is all `chunk`.
    pub const fn warm_up_rows(&self, chunk: usize) -> usize {
        match self.path {
            Path::Fast(_) if TILED_ROWS < chunk => TILED_ROWS,
            _ => chunk,
        }
    }

    /// Which variant of our own kernels is launched, on the fast path.
    pub fn variant(&self) -> Option<Variant> {
        match &self.path {
            Path::Fast(fast) => Some(fast.variant()),
            Path::Reference(_) => None,
        }
    }

    /// Whether a step can begin from what the device picked, before the host knows it.
    pub fn chains(&self) -> bool {
        matches!(&self.path, Path::Fast(fast) if fast.looks_up())
    }

    /// Issues the first kernel of a step, and nothing of what comes after it.
    pub fn encode_first(&self, input: StepInput) {
        match (&self.path, input.x) {
            (Path::Fast(fast), _) => fast.embed(input.rows.total()),
            (Path::Reference(path), Input::Ids(ids, _)) => drop(path.embed(ids)),
            // The host looked them up.
            (Path::Reference(_), _) => {}
        }
    }

    /// Hands all that was written and issued to the device.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device refuses.
    pub fn flush(&self) -> Result<(), ForwardError> {
        match &self.path {
            Path::Fast(fast) => fast.flush(),
            Path::Reference(_) => queue::submit(&self.device),
        }
    }

    /// Puts the sampling settings of the sequence in `slot` on the device, of which `draws` were made, and
    /// with penalties what `occurrences` (V) there are of each id.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`] where the device does not pick.
    pub fn begin(
        &self,
        slot: usize,
        sampling: (&Sampling, u64),
        occurrences: &[u32],
    ) -> Result<(), ForwardError> {
        self.fast()?.begin(slot, sampling, occurrences)
    }

    /// Puts the `mask` of ids that the sequence in `slot` may have next on the device, for the picks that
    /// are issued from here on, where its settings say that it is constrained.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`] where the device does not pick.
    pub fn constrain(&self, slot: usize, mask: &[u32]) -> Result<(), ForwardError> {
        self.fast()?.constrain(slot, mask)
    }

    /// Issues a step over the rows that were uploaded, or over those that were picked last, which the
    /// host need not know yet: writes the cache, and picks ids in `way` where they are wanted, with
    /// log-probabilities of the `top` most probable ones.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`] where the device does not pick.
    pub fn advance(
        &self,
        rows: Rows,
        way: PickWay,
        top: Option<usize>,
    ) -> Result<(), ForwardError> {
        self.fast()?.advance(rows, way, top);
        Ok(())
    }

    /// Issues the same but for the picks: the logits [N, V] of the rows that are picked from, where there
    /// are such. The next step overwrites them.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`] where the device does not pick.
    pub fn encode_picked(&self, rows: Rows) -> Result<Option<Tensor<2>>, ForwardError> {
        Ok(self.fast()?.encode_picked(rows))
    }

    /// Whether decode steps are replayed, on the fast path, or recorded anew each time.
    pub fn set_replays(&mut self, replays: bool) {
        if let Path::Fast(fast) = &mut self.path {
            fast.set_replays(replays);
        }
    }

    /// How often a decode step was recorded, on the fast path.
    pub fn recordings(&self) -> u64 {
        match &self.path {
            Path::Fast(fast) => fast.recordings(),
            Path::Reference(_) => 0,
        }
    }

    /// Whether each decode step reads keys and values out of new memory, on the reference path. The fast
    /// path has [`Model::copy_blocks`] for that.
    pub fn set_concatenates(&mut self, concatenates: bool) {
        if let Path::Reference(reference) = &mut self.path {
            reference.set_concatenates(concatenates);
        }
    }

    /// Submits all that was issued; the `count` ids that were picked last are to be read, with
    /// log-probabilities of the `top` most probable ones.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`] where the device does not pick.
    pub fn read_step(&self, count: usize, top: Option<usize>) -> Result<StepRead, ForwardError> {
        self.fast()?.read_step(count, top)
    }

    /// Runs a step over what was uploaded and the pick behind it, each launch timed by itself: those of
    /// the embedding as tape 0, then a tape a layer, and one of what comes after them.
    ///
    /// # Errors
    /// [`ForwardError`] where the path is not ours, or the device can't time.
    pub async fn profile(&self, input: &StepInput) -> Result<Profile, ForwardError> {
        self.fast()?.profile(input.rows.total()).await
    }

    /// Submits prompts in pieces of about `most_ms`, where one of `chunk` ids takes `step_ms`, so that
    /// whoever else uses the device waits no longer than that.
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

    /// Issues a step: writes the cache at the step's positions, gives the wanted logits [rows, V].
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device has no room for them.
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
