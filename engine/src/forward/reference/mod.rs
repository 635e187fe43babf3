//! The reference path: plain burn operations on the CPU and, with the feature `gpu-reference`, on GPUs.

mod block;
mod cache;
mod load;
mod mask;
mod matmul;
mod parameters;

use burn::tensor::{Device, Int, Tensor};

use super::error::ForwardError;
use super::model::LogitRows;
use super::rope::RopeTable;
use crate::weights::ModelConfig;
use block::StepContext;
use cache::LayerCache;
pub use load::load;
use mask::{CausalMask, attend_len};
use matmul::matmul;
use parameters::{Block, Parameters, RmsNorm};

/// Weights, tables and KV caches of the reference path.
#[derive(Debug)]
pub struct Reference {
    /// Embedding [V, C], if it fits one buffer.
    embedding: Option<Tensor<2>>,
    blocks: Vec<Block>,
    norm: RmsNorm,
    /// Output matrix [V, C], split by rows.
    head: Vec<Tensor<2>>,
    rope: RopeTable,
    mask: CausalMask,
    /// One cache per layer, for each sequence.
    caches: Vec<Vec<LayerCache>>,
    context: usize,
    /// True if decode steps first copy keys and values to new memory.
    concatenates: bool,
}

impl Reference {
    /// Creates the path with its weights and empty caches of `context` positions for `batch` sequences.
    pub fn new(
        config: &ModelConfig,
        parameters: Parameters,
        (context, batch): (usize, usize),
        device: &Device,
    ) -> Self {
        let of_block = |_| LayerCache::new(config.n_kv_heads, context, config.head_dim, device);
        let of_sequence = |_| (0..config.n_layers).map(of_block).collect();
        let caches = (0..batch).map(of_sequence).collect();
        let Parameters {
            embedding,
            blocks,
            norm,
            head,
        } = parameters;
        Self {
            embedding,
            blocks,
            norm,
            head,
            rope: RopeTable::new(config, context, device),
            mask: CausalMask::new(context, device),
            caches,
            context,
            concatenates: false,
        }
    }

    /// Chooses whether decode steps first copy keys and values to new memory.
    pub const fn set_concatenates(&mut self, concatenates: bool) {
        self.concatenates = concatenates;
    }

    /// Returns the attention mask for `tokens` queries from `position` on.
    pub fn mask(&self, config: &ModelConfig, position: usize, tokens: usize) -> Tensor<3> {
        let group = config.n_heads / config.n_kv_heads;
        let attend = attend_len(position + tokens, self.context);
        self.mask.rows(position, tokens, attend, group)
    }

    /// Looks up rows [T, C] of the embedding, if it is on the device.
    pub fn embed(&self, ids: Tensor<1, Int>) -> Option<Tensor<2>> {
        Some(self.embedding.clone()?.select(0, ids))
    }

    /// Returns the residual stream [T, C] at the input x and after each block.
    pub async fn residuals(
        &mut self,
        config: &ModelConfig,
        (mut x, mask): (Tensor<2>, Tensor<3>),
        (slot, position): (usize, usize),
    ) -> Result<Vec<Vec<f32>>, ForwardError> {
        let failed = |message: String| ForwardError::Device {
            message: format!("the residual stream could not be read: {message}"),
        };
        let step = self.context_of(config, mask, position, x.dims()[0]);
        let mut streams = vec![x.clone()];
        for (block, cache) in self.blocks.iter().zip(&mut self.caches[slot]) {
            x = block.forward(x, &step, cache);
            streams.push(x.clone());
        }
        let mut all = Vec::with_capacity(streams.len());
        for stream in streams {
            let data = stream.into_data_async().await;
            let data = data.map_err(|error| failed(error.to_string()))?;
            let values = data.try_into_vec::<f32>();
            all.push(values.map_err(|error| failed(format!("{error:?}")))?);
        }
        Ok(all)
    }

    fn context_of<'a>(
        &self,
        config: &'a ModelConfig,
        mask: Tensor<3>,
        position: usize,
        tokens: usize,
    ) -> StepContext<'a> {
        StepContext {
            config,
            rope: self.rope.rows(position, tokens),
            attend: mask.dims()[2],
            mask,
            position,
            concatenates: self.concatenates && tokens == 1,
        }
    }

    /// Encodes a step on the rows x [T, C] of the sequence in `slot` from `position` on. Writes the cache
    /// there and returns the requested logits [rows, V].
    pub fn encode(
        &mut self,
        config: &ModelConfig,
        (mut x, mask): (Tensor<2>, Tensor<3>),
        (slot, position): (usize, usize),
        rows: LogitRows,
    ) -> Option<Tensor<2>> {
        let [tokens, c] = x.dims();
        let step = self.context_of(config, mask, position, tokens);
        for (block, cache) in self.blocks.iter().zip(&mut self.caches[slot]) {
            x = block.forward(x, &step, cache);
        }
        let x = match rows {
            LogitRows::None => return None,
            LogitRows::Last => x.slice([tokens - 1..tokens, 0..c]),
            LogitRows::Row(row) => x.slice([row..row + 1, 0..c]),
            LogitRows::All => x,
        };
        let x = self.norm.forward(x);
        let mut logits: Vec<Tensor<2>> = self
            .head
            .iter()
            .map(|shard| matmul(x.clone(), shard.clone().transpose()))
            .collect();
        if logits.len() == 1 {
            logits.pop()
        } else {
            Some(Tensor::cat(logits, 1))
        }
    }
}
