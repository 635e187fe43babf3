//! The model on a device: its weights, its KV cache, and one of two paths through it.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::error::ForwardError;
use super::fast::Fast;
use super::gpu::StepRead;
use super::loader::HostEmbedding;
use super::pick::PickWay;
use super::reference::Reference;
use crate::weights::ModelConfig;
use llamaglass_shaders::{Kernel, Sampling};

/// A Llama with its KV cache, for one sequence.
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
    /// All of them.
    All,
}

/// A step's inputs on the device.
#[derive(Debug)]
pub struct StepInput {
    x: Input,
    position: usize,
    tokens: usize,
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

    /// Puts a step's ids, the first at `position`, on the device.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where ids or positions are outside what the model was made for.
    pub fn upload(&mut self, ids: &[u32], position: usize) -> Result<StepInput, ForwardError> {
        let tokens = ids.len();
        let vocab = self.config.vocab_size;
        if let Some(id) = ids.iter().find(|id| **id as usize >= vocab) {
            return Err(ForwardError::Device {
                message: format!("id {id} is outside the vocabulary of {vocab}"),
            });
        }
        if tokens == 0 || position + tokens > self.context {
            return Err(ForwardError::Device {
                message: format!(
                    "{tokens} ids at position {position} are outside the context of {}",
                    self.context
                ),
            });
        }
        let host = self.embedding.as_ref();
        let c = self.config.hidden_size;
        let rows = host.map(|table| table.rows(ids, c)).transpose()?;
        let x = match &mut self.path {
            Path::Fast(fast) => {
                fast.upload(ids, position, rows.as_deref())?;
                Input::Fast
            }
            Path::Reference(reference) => {
                let mask = reference.mask(&self.config, position, tokens);
                match rows {
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
            position,
            tokens,
        })
    }

    /// Runs a step block by block: the residual stream [T, C] after the embedding, and after each.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device failed.
    pub async fn residuals(&mut self, input: StepInput) -> Result<Vec<Vec<f32>>, ForwardError> {
        let StepInput {
            x,
            position,
            tokens,
        } = input;
        match (&mut self.path, x) {
            (Path::Fast(fast), Input::Fast) => fast.residuals(tokens).await,
            (Path::Reference(path), Input::Rows(x, mask)) => {
                path.residuals(&self.config, (x, mask), position).await
            }
            (Path::Reference(path), Input::Ids(ids, mask)) => match path.embed(ids) {
                Some(x) => path.residuals(&self.config, (x, mask), position).await,
                None => Ok(Vec::new()),
            },
            _ => unreachable!("upload makes what its own path takes"),
        }
    }

    /// Whether the device picks tokens, so that [`Model::advance`] can be used.
    pub const fn picks(&self) -> bool {
        matches!(self.path, Path::Fast(_))
    }

    /// Whether a step can begin from what the device picked, before the host knows it.
    pub fn chains(&self) -> bool {
        matches!(&self.path, Path::Fast(fast) if fast.looks_up())
    }

    /// Puts a request's sampling settings on the device, and with penalties what `occurrences` (V)
    /// there are of each id.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`] where the device does not pick.
    pub fn begin(&self, sampling: &Sampling, occurrences: &[u32]) -> Result<(), ForwardError> {
        self.fast()?.begin(sampling, occurrences)
    }

    /// Issues a step over what was uploaded, or with nothing over the id that was picked last:
    /// writes the cache, and picks an id where one is wanted.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`] where the device does not pick.
    pub fn advance(
        &self,
        input: Option<StepInput>,
        pick: Option<PickWay>,
    ) -> Result<(), ForwardError> {
        let tokens = input.map_or(1, |input| input.tokens);
        self.fast()?.advance(tokens, pick);
        Ok(())
    }

    /// Submits all that was issued; what was picked last is to be read.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`] where the device does not pick.
    pub fn read_step(&self) -> Result<StepRead, ForwardError> {
        self.fast()?.read_step()
    }

    /// Runs a step over what was uploaded and the pick behind it, each kernel timed by itself; the
    /// kernels in their order, and milliseconds.
    ///
    /// # Errors
    /// [`ForwardError`] where the path is not ours, or the device can't time.
    pub async fn profile(&self, input: &StepInput) -> Result<Vec<(Kernel, f64)>, ForwardError> {
        self.fast()?.profile(input.tokens).await
    }

    /// Submits prompts in pieces of about `most_ms`, where one of `chunk` ids takes `step_ms`, so that
    /// whoever else uses the device waits no longer than that.
    pub fn pace(&mut self, step_ms: f64, most_ms: f64) {
        if let Path::Fast(fast) = &mut self.path {
            fast.pace(step_ms, most_ms);
        }
    }

    /// Records what every step repeats.
    pub fn record(&mut self) {
        if let Path::Fast(fast) = &mut self.path {
            fast.record();
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
            position,
            tokens,
        } = input;
        Ok(match (&mut self.path, x) {
            (Path::Fast(fast), Input::Fast) => fast.encode(tokens, rows)?,
            (Path::Reference(path), Input::Rows(x, mask)) => {
                path.encode(&self.config, (x, mask), position, rows)
            }
            (Path::Reference(path), Input::Ids(ids, mask)) => {
                let x = path.embed(ids);
                x.and_then(|x| path.encode(&self.config, (x, mask), position, rows))
            }
            _ => unreachable!("upload makes what its own path takes"),
        })
    }
}
