//! Weights to the device, tensor by tensor.

use burn::tensor::{Tensor, TensorData};

use super::device::OpenDevice;
use super::error::{ForwardError, LoadError};
use super::info::limit;
use super::memory::check_buffer;
use super::model::{Model, Shape};
use super::parameters::{Block, Embedding, Linear, Parameters, RmsNorm};
use super::queue;
use crate::weights::{BlockTensor, Checkpoint, RopeLayout, TensorName, WeightsError};

/// Loads every tensor of `checkpoint` and makes what `shape` says.
///
/// `progress` hears how many of the file's bytes are done.
///
/// # Errors
/// [`LoadError`] where a tensor can't be read or the device can't take it.
pub async fn load(
    checkpoint: &Checkpoint,
    open: &OpenDevice,
    shape: Shape,
    progress: &mut dyn FnMut(u64),
) -> Result<Model, LoadError> {
    let mut loader = Loader {
        checkpoint,
        open,
        done: 0,
        progress,
    };
    let config = checkpoint.config().clone();
    let device = open.device.clone();
    let (embedding, head) = loader.embedding_and_head().await?;
    let mut blocks = Vec::with_capacity(config.n_layers);
    for index in 0..config.n_layers {
        blocks.push(loader.block(index).await?);
        // Bounds what waits in staging memory, and hears of failures where they happen.
        queue::submit(&device)?;
        queue::wait(&device).await?;
        loader.failed()?;
    }
    let norm = loader.norm(TensorName::OutputNorm).await?;
    let context = shape.context;
    let cache_bytes = (config.n_kv_heads * context * config.head_dim * 4) as u64;
    check_buffer(
        &open.info,
        || format!("the KV cache of one block for {context} positions"),
        cache_bytes,
    )?;
    let parameters = Parameters {
        embedding,
        blocks,
        norm,
        head,
    };
    let model = Model::new(config, parameters, device, shape, open.info.software)?;
    queue::submit(model.device())?;
    queue::wait(model.device()).await?;
    loader.failed()?;
    Ok(model)
}

struct Loader<'a> {
    checkpoint: &'a Checkpoint,
    open: &'a OpenDevice,
    done: u64,
    progress: &'a mut dyn FnMut(u64),
}

impl Loader<'_> {
    fn failed(&self) -> Result<(), ForwardError> {
        match self.open.failures.take() {
            Some(message) => Err(ForwardError::Device { message }),
            None => Ok(()),
        }
    }

    async fn values(&mut self, name: TensorName) -> Result<Vec<f32>, WeightsError> {
        let values = self.checkpoint.read_f32(name).await?;
        self.advance(name);
        Ok(values)
    }

    fn advance(&mut self, name: TensorName) {
        self.done += self.checkpoint.tensor(name).map_or(0, |info| info.bytes);
        (self.progress)(self.done);
    }

    /// Puts `values` on the device as [rows, cols].
    fn matrix(
        &self,
        values: Vec<f32>,
        cols: usize,
        what: impl FnOnce() -> String,
    ) -> Result<Tensor<2>, ForwardError> {
        check_buffer(&self.open.info, what, values.len() as u64 * 4)?;
        let shape = [values.len() / cols, cols];
        Ok(Tensor::from_data(
            TensorData::new(values, shape),
            &self.open.device,
        ))
    }

    async fn norm(&mut self, name: TensorName) -> Result<RmsNorm, LoadError> {
        let values = self.values(name).await?;
        let cols = values.len();
        Ok(RmsNorm {
            weight: self.matrix(values, cols, || "a norm".into())?,
            eps: self.checkpoint.config().rms_eps,
        })
    }

    async fn block(&mut self, index: usize) -> Result<Block, LoadError> {
        use BlockTensor as T;
        let c = self.checkpoint.config().hidden_size;
        let f = self.checkpoint.config().ffn_size;
        let h_d = self.checkpoint.config().n_heads * self.checkpoint.config().head_dim;
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

    /// Matrices with the same inputs as one: fewer, larger products. A bias that some of them
    /// lack is zero there.
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
            let values = self.values(TensorName::Block(index, *weight)).await?;
            let rows = values.len() / cols;
            matrix.extend(self.rope_order(*weight, values, cols));
            let name = TensorName::Block(index, *bias_name);
            if self.checkpoint.tensor(name).is_some() {
                any_bias = true;
                let values = self.values(name).await?;
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

    /// Rows of q and k in halves order, whatever order they are stored in.
    fn rope_order(&self, tensor: BlockTensor, values: Vec<f32>, cols: usize) -> Vec<f32> {
        let config = self.checkpoint.config();
        let rotated = matches!(tensor, BlockTensor::Q | BlockTensor::K);
        match config.rope.layout {
            RopeLayout::Interleaved if rotated => to_halves(&values, config.head_dim, cols),
            _ => values,
        }
    }

    async fn embedding_and_head(&mut self) -> Result<(Embedding, Vec<Tensor<2>>), LoadError> {
        let config = self.checkpoint.config();
        let (v, c, tied) = (config.vocab_size, config.hidden_size, config.tied);
        let largest = [limit::STORAGE_BINDING, limit::BUFFER]
            .iter()
            .filter_map(|name| self.open.info.limit(name))
            .min()
            .unwrap_or(u64::MAX);
        let rows_a_shard = usize::try_from(largest / (c as u64 * 4)).unwrap_or(usize::MAX);
        let fits = v <= rows_a_shard;
        let name = TensorName::TokenEmbedding;
        let mut head = Vec::new();
        let embedding = if fits {
            let values = self.values(name).await?;
            let table = self.matrix(values, c, || "the token embedding".into())?;
            if tied {
                head.push(table.clone());
            }
            Embedding::Device(table)
        } else {
            let raw = self.checkpoint.read_raw(name).await?;
            let tensor_type = self
                .checkpoint
                .tensor(name)
                .map(|info| info.tensor_type)
                .ok_or_else(|| ForwardError::Device {
                    message: "there is no token embedding".into(),
                })?;
            Embedding::Host { raw, tensor_type }
        };
        if head.is_empty() {
            let name = if tied { name } else { TensorName::Output };
            let values = self.values(name).await?;
            for rows in values.chunks(rows_a_shard.max(1) * c) {
                head.push(self.matrix(rows.to_vec(), c, || "the output matrix".into())?);
            }
        }
        Ok((embedding, head))
    }
}

/// Rows [heads * D, cols] from pairs (2i, 2i + 1) to pairs (i, i + D/2).
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
    fn interleaved_rows_become_halves_head_by_head() {
        // Two heads of four rows of one column.
        let rows = [0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0, 13.0];
        let halves = to_halves(&rows, 4, 1);
        assert_eq!(halves, [0.0, 2.0, 1.0, 3.0, 10.0, 12.0, 11.0, 13.0]);
    }
}
