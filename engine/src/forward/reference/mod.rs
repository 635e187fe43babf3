//! The reference path: plain burn operations on the CPU and on GPUs.

mod block;
mod cache;
mod load;
mod mask;
mod parameters;
mod rope;

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::error::ForwardError;
use super::queue::read_rows;
use super::rows::LogitRows;
use super::shape::Shape;
use crate::weights::ModelConfig;
use block::StepContext;
use cache::LayerCache;
pub use load::load;
use mask::{CausalMask, attend_len};
use parameters::{Block, Embedding, Parameters, RmsNorm};
use rope::RopeTable;

/// Weights, tables and KV caches of the reference path.
#[derive(Debug)]
pub struct Reference {
    config: ModelConfig,
    device: Device,
    embedding: Embedding,
    blocks: Vec<Block>,
    norm: RmsNorm,
    /// Output matrix [V, C], split by rows.
    head: Vec<Tensor<2>>,
    rope: RopeTable,
    mask: CausalMask,
    /// One cache per layer, for each slot.
    caches: Vec<Vec<LayerCache>>,
    context: usize,
}

/// Rows of one sequence, uploaded for a step.
#[derive(Debug)]
pub struct StepRows {
    slot: usize,
    /// Position of the first row.
    position: usize,
    x: RowInput,
    /// Attention mask.
    mask: Tensor<3>,
}

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "it lives on the stack for one step"
)]
enum RowInput {
    /// Token ids (T), and the embedding (V, C) to look them up in.
    Ids(Tensor<1, Int>, Tensor<2>),
    /// Embedding rows [T, C] that the host looked up.
    Embedded(Tensor<2>),
}

impl RowInput {
    fn embed(self) -> Tensor<2> {
        match self {
            Self::Ids(ids, embedding) => embedding.select(0, ids),
            Self::Embedded(x) => x,
        }
    }
}

impl Reference {
    /// Creates the path with its weights and empty caches for each slot of `shape`.
    pub fn new(
        config: &ModelConfig,
        parameters: Parameters,
        shape: Shape,
        device: &Device,
    ) -> Self {
        let context = shape.context;
        let of_block = |_| LayerCache::new(config.n_kv_heads, context, config.head_dim, device);
        let of_slot = |_| (0..config.n_layers).map(of_block).collect();
        let caches = (0..shape.batch).map(of_slot).collect();
        let Parameters {
            embedding,
            blocks,
            norm,
            head,
        } = parameters;
        Self {
            config: config.clone(),
            device: device.clone(),
            embedding,
            blocks,
            norm,
            head,
            rope: RopeTable::new(config, context, device),
            mask: CausalMask::new(context, device),
            caches,
            context,
        }
    }

    /// Uploads `ids` of the sequence in `slot`, the first at `position`, and their attention mask.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if a row of the host's embedding is damaged.
    pub fn upload(
        &self,
        slot: usize,
        position: usize,
        ids: &[u32],
    ) -> Result<StepRows, ForwardError> {
        let tokens = ids.len();
        let x = match &self.embedding {
            Embedding::Host(table) => {
                let c = self.config.hidden_size;
                let data = TensorData::new(table.rows(ids, c)?, [tokens, c]);
                RowInput::Embedded(Tensor::from_data(data, &self.device))
            }
            Embedding::Device(table) => {
                let ids: Vec<i32> = ids.iter().map(|id| id.cast_signed()).collect();
                let data = TensorData::new(ids, [tokens]);
                RowInput::Ids(Tensor::from_data(data, &self.device), table.clone())
            }
        };
        let group = self.config.n_heads / self.config.n_kv_heads;
        let attend = attend_len(position + tokens, self.context);
        Ok(StepRows {
            slot,
            position,
            x,
            mask: self.mask.rows(position, tokens, attend, group),
        })
    }

    /// Looks up the embeddings [T, C] of rows.
    pub fn embed(&self, rows: StepRows) -> Tensor<2> {
        rows.x.embed()
    }

    /// Returns the residual stream [T, C] after the embedding and after each block.
    pub async fn residuals(&mut self, rows: StepRows) -> Result<Vec<Vec<f32>>, ForwardError> {
        let mut streams = Vec::with_capacity(self.blocks.len() + 1);
        self.forward(rows, &mut |x| streams.push(x.clone()));
        let mut all = Vec::with_capacity(streams.len());
        for stream in streams {
            all.push(read_rows(stream, "residual stream").await?);
        }
        Ok(all)
    }

    /// Runs all blocks, which write the cache, and returns the residual stream [T, C]. `visit` receives it
    /// after the embedding and after each block.
    fn forward(&mut self, rows: StepRows, visit: &mut dyn FnMut(&Tensor<2>)) -> Tensor<2> {
        let StepRows {
            slot,
            position,
            x,
            mask,
        } = rows;
        let mut x = x.embed();
        visit(&x);
        let step = StepContext {
            config: &self.config,
            rope: self.rope.rows(position, x.dims()[0]),
            attend: mask.dims()[2],
            mask,
            position,
        };
        for (block, cache) in self.blocks.iter().zip(&mut self.caches[slot]) {
            x = block.forward(x, &step, cache);
            visit(&x);
        }
        x
    }

    /// Encodes a step, which writes the cache at its positions, and returns the requested logits [rows, V].
    pub fn encode(&mut self, rows: StepRows, logits: LogitRows) -> Option<Tensor<2>> {
        let x = self.forward(rows, &mut |_| {});
        let [tokens, c] = x.dims();
        let x = match logits {
            LogitRows::None => return None,
            LogitRows::Last => x.slice([tokens - 1..tokens, 0..c]),
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

    /// Copies the first `positions` keys and values of a slot to new memory, and drops the copy.
    pub fn copy_slot(&self, slot: usize, positions: usize) {
        for cache in &self.caches[slot] {
            cache.copy(positions);
        }
    }
}
