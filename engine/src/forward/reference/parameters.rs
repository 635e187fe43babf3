//! Weights of the reference path, in f32.

use burn::tensor::Tensor;

use super::super::loader::HostEmbedding;

/// A matrix and its bias: x [T, in] -> x W^T + b [T, out].
#[derive(Debug)]
pub struct Linear {
    /// W [out, in], as stored in checkpoints.
    pub weight: Tensor<2>,
    /// b [1, out].
    pub bias: Option<Tensor<2>>,
}

/// x / rms(x) * weight, over the last dimension (RMSNorm, arXiv:1910.07467).
#[derive(Debug)]
pub struct RmsNorm {
    /// [1, C].
    pub weight: Tensor<2>,
    /// Added to the mean square.
    pub eps: f32,
}

/// One block's weights.
#[derive(Debug)]
pub struct Block {
    /// Norm before attention.
    pub attn_norm: RmsNorm,
    /// q, k and v stacked: [(H + 2K) D, C].
    pub qkv: Linear,
    /// Output projection [C, H D].
    pub o: Linear,
    /// Norm before the feed-forward layer.
    pub ffn_norm: RmsNorm,
    /// gate and up stacked: [2F, C].
    pub gate_up: Linear,
    /// Down projection [C, F].
    pub down: Linear,
}

/// Token embedding [V, C].
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one per model")]
pub enum Embedding {
    /// On the device.
    Device(Tensor<2>),
    /// On the host, because it exceeds the device's largest buffer.
    Host(HostEmbedding),
}

/// All of a model's weights.
#[derive(Debug)]
pub struct Parameters {
    /// Token embedding [V, C].
    pub embedding: Embedding,
    /// Blocks in order of execution.
    pub blocks: Vec<Block>,
    /// Norm after the last block.
    pub norm: RmsNorm,
    /// Output matrix [V, C], split by rows so that each part fits one buffer.
    pub head: Vec<Tensor<2>>,
}
