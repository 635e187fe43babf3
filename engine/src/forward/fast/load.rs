//! Loads weights to the device as they are stored, tensor by tensor.

use std::rc::Rc;

use cubecl::bytes::Bytes;
use llamaglass_shaders::{Format, Variant};

use super::super::error::LoadError;
use super::super::format::format;
use super::super::gpu::Gpu;
use super::super::loader::{HostEmbedding, Loader};
use super::super::shape::Shape;
use super::layer::{Norm, Weights};
use super::matrix::Matrix;
use super::pack::Packed;
use super::{Ends, Fast, gpu_of};
use crate::timing::LoadSpan;
use crate::weights::{BlockTensor, RopeLayout, TensorName, TensorType};

/// Row alignment of the output matrix's parts: products compute this many rows at once.
const SHARD_ROWS: usize = 8;

/// Loads every tensor. Also returns the embedding for lookup on the host if the device can't hold it.
pub async fn load(
    loader: &mut Loader<'_>,
    shape: Shape,
) -> Result<(Fast, Option<HostEmbedding>), LoadError> {
    let gpu = gpu_of(loader.open)?;
    let start = loader.watch.ms();
    let first_type = loader.tensor_type(TensorName::Block(0, BlockTensor::Down))?;
    let variant = gpu.variant(shape.variant, format(first_type)).await?;
    loader.watch.book(LoadSpan::Compare, start);
    let mut loader = ToDevice {
        loader,
        gpu,
        variant,
    };
    let (embedding, host, head) = loader.embedding_and_head().await?;
    let norm = loader.norm(TensorName::OutputNorm).await?;
    let ends = Ends {
        embedding,
        norm,
        head,
    };
    let (open, checkpoint) = (loader.loader.open, loader.loader.checkpoint);
    let config = checkpoint.config();
    let mut fast = Fast::new(config, ends, open, shape, variant)?;
    for index in 0..config.n_layers {
        let weights = loader.block(index).await?;
        fast.push(weights, config, shape)?;
        loader.loader.settle().await?;
    }
    Ok((fast, host))
}

struct ToDevice<'a, 'b> {
    loader: &'a mut Loader<'b>,
    gpu: Rc<Gpu>,
    variant: Variant,
}

/// Tensors with the same input that are stacked into one matrix.
struct Stack<'a> {
    /// Names of the tensors and of their optional biases.
    parts: &'a [(BlockTensor, BlockTensor)],
    cols: usize,
    /// True if the parts' rows alternate, false if the parts follow each other.
    interleaved: bool,
}

impl ToDevice<'_, '_> {
    async fn norm(&mut self, name: TensorName) -> Result<Norm, LoadError> {
        let values = self.loader.values(name).await?;
        Ok(Norm {
            c: values.len(),
            eps: self.loader.checkpoint.config().rms_eps,
            variant: self.variant,
            weight: self.gpu.create(Bytes::from_elems(values))?,
        })
    }

    async fn block(&mut self, index: usize) -> Result<Weights, LoadError> {
        use BlockTensor as T;
        let config = self.loader.checkpoint.config();
        let (c, f, h_d) = (
            config.hidden_size,
            config.ffn_size,
            config.n_heads * config.head_dim,
        );
        let one = |parts, cols| Stack {
            parts,
            cols,
            interleaved: false,
        };
        Ok(Weights {
            attn_norm: self.norm(TensorName::Block(index, T::AttnNorm)).await?,
            qkv: self.qkv(index, c).await?,
            o: self.stack(index, one(&[(T::O, T::OBias)], h_d)).await?,
            ffn_norm: self.norm(TensorName::Block(index, T::FfnNorm)).await?,
            gate_up: self
                .stack(
                    index,
                    Stack {
                        parts: &[(T::Gate, T::GateBias), (T::Up, T::UpBias)],
                        cols: c,
                        interleaved: true,
                    },
                )
                .await?,
            down: self.stack(index, one(&[(T::Down, T::DownBias)], f)).await?,
        })
    }

    /// Loads q, k and v as one matrix per run of equal types.
    async fn qkv(&mut self, index: usize, c: usize) -> Result<Vec<(Matrix, usize)>, LoadError> {
        use BlockTensor as T;
        let parts = [(T::Q, T::QBias), (T::K, T::KBias), (T::V, T::VBias)];
        let mut matrices = Vec::new();
        let mut row = 0;
        let mut from = 0;
        while from < parts.len() {
            let first = self.tensor_type(index, parts[from].0)?;
            let mut end = from + 1;
            while end < parts.len() && self.tensor_type(index, parts[end].0)? == first {
                end += 1;
            }
            let stack = Stack {
                parts: &parts[from..end],
                cols: c,
                interleaved: false,
            };
            let matrix = self.stack(index, stack).await?;
            let out = matrix.out;
            matrices.push((matrix, row));
            row += out;
            from = end;
        }
        Ok(matrices)
    }

    fn tensor_type(&self, index: usize, tensor: BlockTensor) -> Result<TensorType, LoadError> {
        self.loader.tensor_type(TensorName::Block(index, tensor))
    }

    /// Stacks tensors into one matrix. Parts of different types become f32, which represents all types
    /// exactly.
    async fn stack(&mut self, index: usize, stack: Stack<'_>) -> Result<Matrix, LoadError> {
        let Stack {
            parts,
            cols,
            interleaved,
        } = stack;
        let mut rows = Vec::with_capacity(parts.len());
        let mut formats = Vec::with_capacity(parts.len());
        for (weight, _) in parts {
            let name = TensorName::Block(index, *weight);
            let elements = self.loader.checkpoint.tensor(name);
            rows.push(elements.map_or(0, |info| info.elements() as usize / cols));
            formats.push(format(self.loader.tensor_type(name)?));
        }
        let same_format = formats.iter().all(|other| *other == formats[0]);
        let format = if same_format { formats[0] } else { Format::F32 };
        let out: usize = rows.iter().sum();
        let mut packed = Packed::new(format, out, cols);
        let mut bias = vec![0.0; out];
        let mut any_bias = false;
        let mut first = 0;
        for (part, (weight, bias_name)) in parts.iter().enumerate() {
            let to_pairs = self.to_pairs(*weight);
            let row_of = |row: usize| {
                if interleaved {
                    row * parts.len() + part
                } else {
                    first + to_pairs.map_or(row, |dim| interleaved_row(row, dim))
                }
            };
            let name = TensorName::Block(index, *weight);
            let (stored, tensor_type) = self.loader.stored(name).await?;
            let start = self.loader.watch.ms();
            packed.put_rows(tensor_type, &stored, row_of)?;
            self.loader.watch.book(LoadSpan::Repack, start);
            let name = TensorName::Block(index, *bias_name);
            if self.loader.checkpoint.tensor(name).is_some() {
                any_bias = true;
                for (row, value) in self.loader.values(name).await?.into_iter().enumerate() {
                    bias[row_of(row)] = value;
                }
            }
            first += rows[part];
        }
        let label = || format!("{:?} of block {index}", parts[0].0);
        let bias = any_bias.then_some(&bias[..]);
        self.upload(packed, bias, label)
    }

    fn upload(
        &self,
        packed: Packed,
        bias: Option<&[f32]>,
        label: impl Fn() -> String,
    ) -> Result<Matrix, LoadError> {
        let start = self.loader.watch.ms();
        let info = &self.loader.open.info;
        let matrix = Matrix::upload(packed, bias, &self.gpu, info, label)?;
        self.loader.watch.book(LoadSpan::Write, start);
        Ok(matrix)
    }

    /// Returns the head size of a tensor whose rows are stored half-split; the kernels rotate adjacent rows.
    fn to_pairs(&self, tensor: BlockTensor) -> Option<usize> {
        let config = self.loader.checkpoint.config();
        let rotated = matches!(tensor, BlockTensor::Q | BlockTensor::K);
        (rotated && config.rope.layout == RopeLayout::Halves).then_some(config.head_dim)
    }

    async fn embedding_and_head(
        &mut self,
    ) -> Result<(Option<Matrix>, Option<HostEmbedding>, Vec<(Matrix, usize)>), LoadError> {
        let config = self.loader.checkpoint.config();
        let (v, c, tied) = (config.vocab_size, config.hidden_size, config.tied);
        let name = TensorName::TokenEmbedding;
        let mut head = Vec::new();
        let embedding_type = self.loader.tensor_type(name)?;
        let (embedding, host) = if v <= self.max_rows(embedding_type, c) {
            let (stored, tensor_type) = self.loader.stored(name).await?;
            let table = self.rows(tensor_type, &stored, c, "the token embedding")?;
            if tied {
                head.push((table.clone(), 0));
            }
            (Some(table), None)
        } else {
            (None, Some(self.loader.host_embedding().await?))
        };
        if head.is_empty() {
            let name = if tied { name } else { TensorName::Output };
            let (stored, tensor_type) = self.loader.stored(name).await?;
            let rows = self.max_rows(tensor_type, c) / SHARD_ROWS * SHARD_ROWS;
            let rows = rows.max(SHARD_ROWS);
            let row_bytes = c / tensor_type.block_len() * tensor_type.block_bytes();
            for (shard, stored) in stored.chunks(rows.saturating_mul(row_bytes)).enumerate() {
                let matrix = self.rows(tensor_type, stored, c, "the output matrix")?;
                head.push((matrix, shard * rows));
            }
        }
        Ok((embedding, host, head))
    }

    fn max_rows(&self, tensor_type: TensorType, cols: usize) -> usize {
        let words = format(tensor_type).quant_words(Format::blocks(cols));
        self.loader.rows_per_buffer(4 * words)
    }

    fn rows(
        &self,
        tensor_type: TensorType,
        stored: &[u8],
        cols: usize,
        label: &str,
    ) -> Result<Matrix, LoadError> {
        let row_bytes = cols / tensor_type.block_len() * tensor_type.block_bytes();
        let mut packed = Packed::new(format(tensor_type), stored.len() / row_bytes, cols);
        let start = self.loader.watch.ms();
        packed.put_rows(tensor_type, stored, |row| row)?;
        self.loader.watch.book(LoadSpan::Repack, start);
        self.upload(packed, None, || label.to_owned())
    }
}

/// Returns the new index of a row when pairs (i, i + D/2) of a head become (2i, 2i + 1).
const fn interleaved_row(row: usize, head_dim: usize) -> usize {
    let (head, i) = (row / head_dim, row % head_dim);
    let half = head_dim / 2;
    head * head_dim + i % half * 2 + i / half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaved_row_interleaves_halves_per_head() {
        let places: Vec<usize> = (0..8).map(|row| interleaved_row(row, 4)).collect();
        assert_eq!(places, [0, 2, 1, 3, 4, 6, 5, 7]);
    }
}
