//! Loads the reference path's weights to the device in f32, tensor by tensor.

use burn::tensor::{Tensor, TensorData};

use super::super::error::{ForwardError, LoadError};
use super::super::loader::Loader;
use super::super::memory::check_buffer;
use super::super::shape::Shape;
use super::Reference;
use super::parameters::{Block, Embedding, Linear, Parameters, RmsNorm};
use crate::weights::{BlockTensor, RopeLayout, TensorName};

/// Loads every tensor and allocates the caches for `shape`.
pub async fn load(loader: &mut Loader<'_>, shape: Shape) -> Result<Reference, LoadError> {
    let mut loader = ToTensors(loader);
    let (embedding, head) = loader.embedding_and_head().await?;
    let n_layers = loader.0.checkpoint.config().n_layers;
    let mut blocks = Vec::with_capacity(n_layers);
    for index in 0..n_layers {
        blocks.push(loader.block(index).await?);
        loader.0.settle().await?;
    }
    let norm = loader.norm(TensorName::OutputNorm).await?;
    let parameters = Parameters {
        embedding,
        blocks,
        norm,
        head,
    };
    let config = loader.0.checkpoint.config();
    let device = loader.0.device()?;
    Ok(Reference::new(config, parameters, shape, &device))
}

struct ToTensors<'a, 'b>(&'a mut Loader<'b>);

impl ToTensors<'_, '_> {
    /// Uploads `values` as [rows, cols].
    fn matrix(
        &self,
        values: Vec<f32>,
        cols: usize,
        what: impl FnOnce() -> String,
    ) -> Result<Tensor<2>, ForwardError> {
        check_buffer(&self.0.open.info, what, values.len() as u64 * 4)?;
        let shape = [values.len() / cols, cols];
        Ok(Tensor::from_data(
            TensorData::new(values, shape),
            &self.0.device()?,
        ))
    }

    async fn norm(&mut self, name: TensorName) -> Result<RmsNorm, LoadError> {
        let values = self.0.values(name).await?;
        let cols = values.len();
        Ok(RmsNorm {
            weight: self.matrix(values, cols, || "a norm".into())?,
            eps: self.0.checkpoint.config().rms_eps,
        })
    }

    async fn block(&mut self, index: usize) -> Result<Block, LoadError> {
        use BlockTensor as T;
        let c = self.0.checkpoint.config().hidden_size;
        let f = self.0.checkpoint.config().ffn_size;
        let h_d = self.0.checkpoint.config().n_heads * self.0.checkpoint.config().head_dim;
        Ok(Block {
            attn_norm: self.norm(TensorName::Block(index, T::AttnNorm)).await?,
            qkv: self
                .stacked(
                    index,
                    &[T::Q, T::K, T::V],
                    &[T::QBias, T::KBias, T::VBias],
                    c,
                )
                .await?,
            o: self.stacked(index, &[T::O], &[T::OBias], h_d).await?,
            ffn_norm: self.norm(TensorName::Block(index, T::FfnNorm)).await?,
            gate_up: self
                .stacked(index, &[T::Gate, T::Up], &[T::GateBias, T::UpBias], c)
                .await?,
            down: self.stacked(index, &[T::Down], &[T::DownBias], f).await?,
        })
    }

    /// Stacks matrices that share an input, for fewer and larger products. A missing bias is filled with
    /// zeros.
    async fn stacked(
        &mut self,
        index: usize,
        weights: &[BlockTensor],
        biases: &[BlockTensor],
        cols: usize,
    ) -> Result<Linear, LoadError> {
        let mut matrix = Vec::new();
        let mut bias = Vec::new();
        let mut any_bias = false;
        for (weight, bias_name) in weights.iter().zip(biases) {
            let values = self.0.values(TensorName::Block(index, *weight)).await?;
            let rows = values.len() / cols;
            matrix.extend(self.rope_order(*weight, values, cols));
            let name = TensorName::Block(index, *bias_name);
            if self.0.checkpoint.tensor(name).is_some() {
                any_bias = true;
                let values = self.0.values(name).await?;
                bias.extend(self.rope_order(*weight, values, 1));
            } else {
                bias.resize(bias.len() + rows, 0.0);
            }
        }
        let what = || format!("{:?} of block {index}", weights[0]);
        let out = bias.len();
        Ok(Linear {
            weight: self.matrix(matrix, cols, what)?,
            bias: if any_bias {
                Some(self.matrix(bias, out, || "a bias".into())?)
            } else {
                None
            },
        })
    }

    /// Reorders rows of q and k to the half-split layout if they are stored interleaved.
    fn rope_order(&self, tensor: BlockTensor, values: Vec<f32>, cols: usize) -> Vec<f32> {
        let config = self.0.checkpoint.config();
        let rotated = matches!(tensor, BlockTensor::Q | BlockTensor::K);
        match config.rope.layout {
            RopeLayout::Interleaved if rotated => to_halves(&values, config.head_dim, cols),
            _ => values,
        }
    }

    async fn embedding_and_head(&mut self) -> Result<(Embedding, Vec<Tensor<2>>), LoadError> {
        let config = self.0.checkpoint.config();
        let (v, c, tied) = (config.vocab_size, config.hidden_size, config.tied);
        let rows_per_shard = self.0.rows_per_buffer(c * 4);
        let name = TensorName::TokenEmbedding;
        let mut head = Vec::new();
        let embedding = if v <= rows_per_shard {
            let values = self.0.values(name).await?;
            let table = self.matrix(values, c, || "the token embedding".into())?;
            if tied {
                head.push(table.clone());
            }
            Embedding::Device(table)
        } else {
            Embedding::Host(self.0.host_embedding().await?)
        };
        if head.is_empty() {
            let name = if tied { name } else { TensorName::Output };
            let values = self.0.values(name).await?;
            for rows in values.chunks(rows_per_shard * c) {
                head.push(self.matrix(rows.to_vec(), c, || "the output matrix".into())?);
            }
        }
        Ok((embedding, head))
    }
}

/// Reorders rows [heads * D, cols] from pairs (2i, 2i + 1) to pairs (i, i + D/2).
fn to_halves(values: &[f32], head_dim: usize, cols: usize) -> Vec<f32> {
    let half = head_dim / 2;
    let mut out = Vec::with_capacity(values.len());
    for head in values.chunks_exact(head_dim * cols) {
        for offset in [0, 1] {
            for i in 0..half {
                let row = 2 * i + offset;
                out.extend_from_slice(&head[row * cols..(row + 1) * cols]);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_halves_reorders_interleaved_rows_per_head() {
        // Two heads, four rows, one column.
        let rows = [0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0, 13.0];
        let halves = to_halves(&rows, 4, 1);
        assert_eq!(halves, [0.0, 2.0, 1.0, 3.0, 10.0, 12.0, 11.0, 13.0]);
    }
}
