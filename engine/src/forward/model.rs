//! The model on a device: the reference path, in plain burn operations.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::block::{Block, RmsNorm, StepContext};
use super::cache::LayerCache;
use super::error::ForwardError;
use super::mask::{CausalMask, attend_len};
use super::rope::RopeTable;
use crate::weights::{ModelConfig, TensorType};

/// Where the token embedding [V, C] is looked up.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one a model")]
pub enum Embedding {
    /// On the device.
    Device(Tensor<2>),
    /// On the host, still quantised: the table is larger than one buffer of the device may be.
    Host {
        /// The rows as stored.
        raw: Vec<u8>,
        /// Their type.
        tensor_type: TensorType,
    },
}

/// A Llama with its KV cache, for one sequence.
#[derive(Debug)]
pub struct Model {
    pub(super) config: ModelConfig,
    pub(super) device: Device,
    pub(super) context: usize,
    pub(super) embedding: Embedding,
    pub(super) blocks: Vec<Block>,
    pub(super) norm: RmsNorm,
    /// The output matrix [V, C], in row shards that each fit one buffer.
    pub(super) head: Vec<Tensor<2>>,
    pub(super) rope: RopeTable,
    pub(super) mask: CausalMask,
    pub(super) caches: Vec<LayerCache>,
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
    mask: Tensor<3>,
    position: usize,
    tokens: usize,
}

#[derive(Debug)]
enum Input {
    Ids(Tensor<1, Int>),
    Rows(Tensor<2>),
}

impl Model {
    /// The model's configuration.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Positions of the KV cache.
    pub fn context(&self) -> usize {
        self.context
    }

    /// The device that everything is on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Writes what a step over `ids` at `position` needs to the device.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where ids or positions are outside the model.
    pub fn upload(&self, ids: &[u32], position: usize) -> Result<StepInput, ForwardError> {
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
        let x = match &self.embedding {
            Embedding::Device(_) => {
                let ids: Vec<i32> = ids.iter().map(|id| id.cast_signed()).collect();
                Input::Ids(Tensor::from_data(
                    TensorData::new(ids, [tokens]),
                    &self.device,
                ))
            }
            Embedding::Host { raw, tensor_type } => {
                Input::Rows(self.host_rows(ids, raw, *tensor_type)?)
            }
        };
        let group = self.config.n_heads / self.config.n_kv_heads;
        let attend = attend_len(position + tokens, self.context);
        Ok(StepInput {
            x,
            mask: self.mask.rows(position, tokens, attend, group),
            position,
            tokens,
        })
    }

    fn host_rows(
        &self,
        ids: &[u32],
        raw: &[u8],
        tensor_type: TensorType,
    ) -> Result<Tensor<2>, ForwardError> {
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
        Ok(Tensor::from_data(
            TensorData::new(values, [ids.len(), c]),
            &self.device,
        ))
    }

    /// Issues a step: writes the cache at the step's positions, gives the wanted logits [rows, V].
    pub fn encode(&mut self, input: StepInput, rows: LogitRows) -> Option<Tensor<2>> {
        let StepInput {
            x,
            mask,
            position,
            tokens,
        } = input;
        let mut x = match (x, &self.embedding) {
            (Input::Ids(ids), Embedding::Device(table)) => table.clone().select(0, ids),
            (Input::Rows(rows), _) => rows,
            (Input::Ids(_), Embedding::Host { .. }) => {
                unreachable!("upload looks ids up on the host where the table is there")
            }
        };
        let step = StepContext {
            config: &self.config,
            rope: self.rope.rows(position, tokens),
            attend: mask.dims()[2],
            mask,
            position,
        };
        for (block, cache) in self.blocks.iter().zip(&mut self.caches) {
            x = block.forward(x, &step, cache);
        }
        let x = match rows {
            LogitRows::None => return None,
            LogitRows::Last => {
                let c = self.config.hidden_size;
                x.slice([tokens - 1..tokens, 0..c])
            }
            LogitRows::All => x,
        };
        let x = self.norm.forward(x);
        let mut logits: Vec<Tensor<2>> = self
            .head
            .iter()
            .map(|shard| x.clone().matmul(shard.clone().transpose()))
            .collect();
        if logits.len() == 1 {
            logits.pop()
        } else {
            Some(Tensor::cat(logits, 1))
        }
    }
}
