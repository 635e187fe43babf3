//! One transformer block in plain burn operations: the reference path.

use burn::tensor::{Tensor, activation};

use super::cache::LayerCache;
use super::parameters::{Block, Linear, RmsNorm};
use super::rope::RopeTable;
use crate::weights::ModelConfig;

impl Linear {
    /// x [T, in] -> [T, out].
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let y = x.matmul(self.weight.clone().transpose());
        match &self.bias {
            Some(bias) => y + bias.clone(),
            None => y,
        }
    }
}

impl RmsNorm {
    /// x [T, C] -> [T, C].
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let mean_square = x.clone().square().mean_dim(1);
        x / (mean_square + self.eps).sqrt() * self.weight.clone()
    }
}

/// Inputs shared by all blocks of a step.
pub struct StepContext<'a> {
    /// Model dimensions.
    pub config: &'a ModelConfig,
    /// Rotation angles of this step's T positions.
    pub rope: RopeTable,
    /// Attention mask, added to the scores: [1, G T, L] (G = H / K query heads share a kv head) or
    /// broadcastable.
    pub mask: Tensor<3>,
    /// First position of this step.
    pub position: usize,
    /// L: number of cache positions that attention reads; those past the last known one are masked.
    pub attend: usize,
}

impl Block {
    /// Runs the residual stream x [T, C] through the block and writes T rows of the cache.
    pub fn forward(
        &self,
        x: Tensor<2>,
        step: &StepContext<'_>,
        cache: &mut LayerCache,
    ) -> Tensor<2> {
        let x = x.clone() + self.attention(self.attn_norm.forward(x), step, cache);
        x.clone() + self.feed_forward(self.ffn_norm.forward(x), step.config.ffn_size)
    }

    fn attention(&self, x: Tensor<2>, step: &StepContext<'_>, cache: &mut LayerCache) -> Tensor<2> {
        let config = step.config;
        let (h, k, d) = (config.n_heads, config.n_kv_heads, config.head_dim);
        let t = x.dims()[0];
        // [T, (H + 2K) D] -> [H + 2K, T, D]
        let heads = self
            .qkv
            .forward(x)
            .reshape([t, h + 2 * k, d])
            .swap_dims(0, 1);
        let rotated = step
            .rope
            .rotate(heads.clone().slice([0..h + k, 0..t, 0..d]));
        let queries = rotated.clone().slice([0..h, 0..t, 0..d]);
        let keys = rotated.slice([h..h + k, 0..t, 0..d]);
        let values = heads.slice([h + k..h + 2 * k, 0..t, 0..d]);
        cache.write(step.position, keys, values);
        let (keys, values) = cache.read(step.attend);

        // Query heads that share a kv head are adjacent. They become rows of one matrix, so that keys and
        // values are never expanded.
        let rows = h / k * t;
        let queries = queries.reshape([k, rows, d]) * (d as f32).powf(-0.5);
        let scores = queries.matmul(keys.swap_dims(1, 2)) + step.mask.clone();
        let mixed = activation::softmax(scores, 2).matmul(values);
        let mixed = mixed.reshape([h, t, d]).swap_dims(0, 1).reshape([t, h * d]);
        self.o.forward(mixed)
    }

    /// down(silu(gate(x)) * up(x)) (SwiGLU, arXiv:2002.05202).
    fn feed_forward(&self, x: Tensor<2>, f: usize) -> Tensor<2> {
        let t = x.dims()[0];
        let both = self.gate_up.forward(x);
        let gate = both.clone().slice([0..t, 0..f]);
        let up = both.slice([0..t, f..2 * f]);
        self.down.forward(activation::silu(gate) * up)
    }
}
