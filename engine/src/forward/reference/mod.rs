//! The reference path: plain burn operations, on the CPU and, natively, on a GPU too.

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
    /// [V, C], where it fits one buffer.
    embedding: Option<Tensor<2>>,
    blocks: Vec<Block>,
    norm: RmsNorm,
    /// The output matrix [V, C], in row shards.
    head: Vec<Tensor<2>>,
    rope: RopeTable,
    mask: CausalMask,
    /// A cache a block, for each sequence.
    caches: Vec<Vec<LayerCache>>,
    context: usize,
    /// Whether a row alone reads keys and values out of new memory.
    concatenates: bool,
}

impl Reference {
    /// A path over the weights with empty caches of `context` positions for `batch` sequences.
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

    /// Whether decode steps read keys and values out of new memory, to which they were copied.
    pub const fn set_concatenates(&mut self, concatenates: bool) {
        self.concatenates = concatenates;
    }

    /// What is added to the scores of `tokens` queries from `position` on.
    pub fn mask(&self, config: &ModelConfig, position: usize, tokens: usize) -> Tensor<3> {
        let group = config.n_heads / config.n_kv_heads;
        let attend = attend_len(position + tokens, self.context);
        self.mask.rows(position, tokens, attend, group)
    }

    /// Rows of the embedding, where it is on the device: [T, C].
    pub fn embed(&self, ids: Tensor<1, Int>) -> Option<Tensor<2>> {
        Some(self.embedding.clone()?.select(0, ids))
    }

    /// The residual stream [T, C] that x is, and what it becomes after each block.
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

    /// Issues a step on the rows x [T, C] of the sequence in `slot` from `position` on: writes the cache
    /// there, gives the wanted logits [rows, V].
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
