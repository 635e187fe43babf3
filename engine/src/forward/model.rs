//! The model on a device: its weights, its KV cache, and one of two paths through it.

use burn::tensor::{Device, Int, Tensor, TensorData};
use cubecl::server::Handle;

use super::error::ForwardError;
use super::fast::Fast;
use super::parameters::{Embedding, Parameters};
use super::path::ForwardPath;
use super::reference::Reference;
use crate::weights::ModelConfig;

/// A Llama with its KV cache, for one sequence.
#[derive(Debug)]
pub struct Model {
    config: ModelConfig,
    device: Device,
    context: usize,
    embedding: Embedding,
    path: Path,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one a model")]
enum Path {
    Fast(Fast),
    Reference(Reference),
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
    /// The fast path: rows [T, C], where the device does not look them up itself.
    Fast(Option<Handle>),
}

/// What a model is to be made for.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Positions of the KV cache.
    pub context: usize,
    /// The most ids of one step.
    pub chunk: usize,
    /// The path.
    pub path: ForwardPath,
}

impl Model {
    /// A model over weights that are on `device`.
    pub(super) fn new(
        config: ModelConfig,
        parameters: Parameters,
        device: Device,
        shape: Shape,
        software: bool,
    ) -> Result<Self, ForwardError> {
        let Parameters {
            embedding,
            blocks,
            norm,
            head,
        } = parameters;
        let weights = (blocks, norm, head);
        let context = shape.context;
        let path = match shape.path {
            ForwardPath::Reference => {
                Path::Reference(Reference::new(&config, weights, context, &device))
            }
            ForwardPath::Fast => {
                let table = match &embedding {
                    Embedding::Device(table) => Some(table.clone()),
                    Embedding::Host { .. } => None,
                };
                Path::Fast(Fast::new(
                    &config, table, weights, &device, shape, software,
                )?)
            }
        };
        Ok(Self {
            config,
            device,
            context,
            embedding,
            path,
        })
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
        let rows = self.host_rows(ids)?;
        let c = self.config.hidden_size;
        let x = match &mut self.path {
            Path::Fast(fast) => Input::Fast(fast.upload(ids, position, rows)?),
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

    /// Rows [T, C] of an embedding that the host looks up.
    fn host_rows(&self, ids: &[u32]) -> Result<Option<Vec<f32>>, ForwardError> {
        let Embedding::Host { raw, tensor_type } = &self.embedding else {
            return Ok(None);
        };
        let c = self.config.hidden_size;
        let row_bytes = raw.len() / self.config.vocab_size;
        let mut values = vec![0.0; ids.len() * c];
        for (row, id) in values.chunks_exact_mut(c).zip(ids) {
            let start = *id as usize * row_bytes;
            tensor_type
                .dequantize(&raw[start..start + row_bytes], row)
                .map_err(|error| ForwardError::Device {
                    message: format!("row {id} of the token embedding: {error}"),
                })?;
        }
        Ok(Some(values))
    }

    /// Issues a step: writes the cache at the step's positions, gives the wanted logits [rows, V].
    pub fn encode(&mut self, input: StepInput, rows: LogitRows) -> Option<Tensor<2>> {
        let StepInput {
            x,
            position,
            tokens,
        } = input;
        match (&mut self.path, x, &self.embedding) {
            (Path::Fast(fast), Input::Fast(x), _) => fast.encode(x, tokens, rows),
            (Path::Reference(path), Input::Rows(x, mask), _) => {
                path.encode(&self.config, (x, mask), position, rows)
            }
            (Path::Reference(path), Input::Ids(ids, mask), Embedding::Device(table)) => {
                let x = table.clone().select(0, ids);
                path.encode(&self.config, (x, mask), position, rows)
            }
            _ => unreachable!("upload makes what its own path takes"),
        }
    }
}
