//! Builds a model tensor by tensor, in any order. Each matrix is packed at once, and its stored bytes can be dropped.

use std::fmt;

use llamaglass_shaders::Format;

use super::config::{Capacity, Dimensions, ModelError};
use super::layer::{Layer, Projection};
use super::{Model, Runtime};
use crate::matrix::{Matrix, RowOrder};

/// A tensor of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tensor {
    /// Token embedding [V, C].
    Embedding,
    /// Weight of the last norm `[C]`.
    OutputNorm,
    /// Output matrix [V, C], unless it is the embedding.
    Output,
    /// A tensor of a layer.
    Layer(usize, LayerTensor),
}

/// A tensor of a layer. Those called bias are optional.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerTensor {
    /// Weight of the norm before attention `[C]`.
    AttnNorm,
    /// Weight of the norm before the feed-forward layer `[C]`.
    FfnNorm,
    /// A projection's matrix.
    Matrix(Projection),
    /// A projection's bias.
    Bias(Projection),
}

impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedding => f.write_str("the token embedding"),
            Self::OutputNorm => f.write_str("the output norm"),
            Self::Output => f.write_str("the output matrix"),
            Self::Layer(layer, tensor) => write!(f, "{tensor} of layer {layer}"),
        }
    }
}

impl fmt::Display for LayerTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AttnNorm => f.write_str("the attention norm"),
            Self::FfnNorm => f.write_str("the feed-forward norm"),
            Self::Matrix(projection) => write!(f, "the {} matrix", projection.name()),
            Self::Bias(projection) => write!(f, "the {} bias", projection.name()),
        }
    }
}

/// A model whose tensors are being loaded.
#[derive(Debug)]
pub struct ModelBuilder {
    dimensions: Dimensions,
    runtime: Runtime,
    embedding: Option<Matrix>,
    output: Option<Matrix>,
    output_norm: Option<Vec<f32>>,
    layers: Vec<Parts>,
}

/// The tensors of a layer that were loaded so far.
#[derive(Debug)]
struct Parts {
    attn_norm: Option<Vec<f32>>,
    ffn_norm: Option<Vec<f32>>,
    /// Matrix and bias of each projection. A vector, because moving arrays of matrices takes much code.
    projections: Vec<(Option<Matrix>, Option<Vec<f32>>)>,
}

impl Parts {
    fn new() -> Self {
        Self {
            attn_norm: None,
            ffn_norm: None,
            projections: Projection::ALL.map(|_| (None, None)).into(),
        }
    }
}

impl ModelBuilder {
    /// Begins a model.
    pub fn new(dimensions: Dimensions, runtime: Runtime) -> Self {
        let mut layers = Vec::new();
        layers.resize_with(dimensions.layers, Parts::new);
        Self {
            dimensions,
            runtime,
            embedding: None,
            output: None,
            output_norm: None,
            layers,
        }
    }

    /// Packs a matrix from `stored`, its rows as the file has them.
    ///
    /// # Errors
    /// [`ModelError::Unexpected`] if the model has no such matrix, [`ModelError::Rows`] if `stored` is not whole
    /// rows, and [`ModelError::TensorSize`] if it has too many rows or too few.
    pub fn matrix(
        &mut self,
        tensor: Tensor,
        format: Format,
        stored: &[u8],
    ) -> Result<(), ModelError> {
        let Dimensions { vocab, hidden, .. } = self.dimensions;
        let layers = self.layers.len();
        let ends = ([vocab, hidden], RowOrder::Stored);
        let (place, ([rows, columns], order)) = match tensor {
            Tensor::Embedding => (Some(&mut self.embedding), ends),
            Tensor::Output => (Some(&mut self.output), ends),
            Tensor::Layer(layer, LayerTensor::Matrix(projection)) => {
                let parts = self.layers.get_mut(layer);
                let place = parts.map(|parts| &mut parts.projections[projection as usize].0);
                let shape = projection.shape(&self.dimensions);
                (place, (shape, projection.order(&self.dimensions)))
            }
            Tensor::OutputNorm | Tensor::Layer(..) => (None, ends),
        };
        let place = place.ok_or_else(|| unexpected(tensor, layers))?;
        let stored_rows = Matrix::stored_rows(format, columns, stored.len()).ok_or_else(|| {
            let (values, block_bytes) = format.stored_block();
            ModelError::Rows {
                tensor: tensor.to_string(),
                bytes: stored.len(),
                columns,
                format: format.name(),
                values,
                block_bytes,
            }
        })?;
        check_size(tensor, stored_rows * columns, rows * columns)?;
        *place = Matrix::pack(format, columns, stored, order, &self.runtime.pool);
        Ok(())
    }

    /// Sets the values of a norm or a bias.
    ///
    /// # Errors
    /// [`ModelError::Unexpected`] if the model has no such vector, [`ModelError::TensorSize`] if it has too many
    /// values or too few.
    pub fn vector(&mut self, tensor: Tensor, values: Vec<f32>) -> Result<(), ModelError> {
        let layers = self.layers.len();
        let hidden = (self.dimensions.hidden, RowOrder::Stored);
        let (place, (len, order)) = match tensor {
            Tensor::OutputNorm => (Some(&mut self.output_norm), hidden),
            Tensor::Layer(layer, part) => {
                let parts = self.layers.get_mut(layer);
                match part {
                    LayerTensor::AttnNorm => (parts.map(|parts| &mut parts.attn_norm), hidden),
                    LayerTensor::FfnNorm => (parts.map(|parts| &mut parts.ffn_norm), hidden),
                    LayerTensor::Bias(projection) => {
                        let [rows, _] = projection.shape(&self.dimensions);
                        let place =
                            parts.map(|parts| &mut parts.projections[projection as usize].1);
                        (place, (rows, projection.order(&self.dimensions)))
                    }
                    LayerTensor::Matrix(_) => (None, hidden),
                }
            }
            Tensor::Embedding | Tensor::Output => (None, hidden),
        };
        let place = place.ok_or_else(|| unexpected(tensor, layers))?;
        check_size(tensor, values.len(), len)?;
        *place = Some(order.apply(&values));
        Ok(())
    }

    /// Completes the model. `angles` are cosine and sine [S, D/2, 2] of each position and pair.
    ///
    /// # Errors
    /// [`ModelError::Missing`] if a tensor was not loaded, [`ModelError::TensorSize`] if angles are.
    pub fn build(self, capacity: Capacity, angles: Vec<[f32; 2]>) -> Result<Model, ModelError> {
        let expected = capacity.context * self.dimensions.heads.dim / 2;
        if angles.len() != expected {
            return Err(ModelError::TensorSize {
                tensor: "the table of angles".into(),
                found: angles.len(),
                expected,
            });
        }
        let embedding = self.embedding.ok_or_else(|| missing(Tensor::Embedding))?;
        let output = match (self.dimensions.tied, self.output) {
            (false, None) => return Err(missing(Tensor::Output)),
            (false, output) => output,
            (true, _) => None,
        };
        let output_norm = self
            .output_norm
            .ok_or_else(|| missing(Tensor::OutputNorm))?;
        let mut layers = Vec::with_capacity(self.layers.len());
        for (index, parts) in self.layers.into_iter().enumerate() {
            let missing = |part| missing(Tensor::Layer(index, part));
            let mut projections = Vec::with_capacity(Projection::ALL.len());
            for (projection, (matrix, bias)) in Projection::ALL.into_iter().zip(parts.projections) {
                let matrix = matrix.ok_or_else(|| missing(LayerTensor::Matrix(projection)))?;
                projections.push((matrix, bias));
            }
            layers.push(Layer {
                attn_norm: parts
                    .attn_norm
                    .ok_or_else(|| missing(LayerTensor::AttnNorm))?,
                ffn_norm: parts
                    .ffn_norm
                    .ok_or_else(|| missing(LayerTensor::FfnNorm))?,
                projections,
            });
        }
        Ok(Model::new(
            self.dimensions,
            self.runtime,
            capacity,
            super::Weights {
                embedding,
                output,
                output_norm,
                layers,
                angles,
            },
        ))
    }
}

fn missing(tensor: Tensor) -> ModelError {
    ModelError::Missing {
        tensor: tensor.to_string(),
    }
}

fn unexpected(tensor: Tensor, layers: usize) -> ModelError {
    ModelError::Unexpected {
        tensor: tensor.to_string(),
        layers,
    }
}

fn check_size(tensor: Tensor, found: usize, expected: usize) -> Result<(), ModelError> {
    if found == expected {
        return Ok(());
    }
    Err(ModelError::TensorSize {
        tensor: tensor.to_string(),
        found,
        expected,
    })
}
