//! Random small models.

use llamaglass_shaders::Format;
use llamaglass_types::InstructionSet;

use crate::testing::{Random, values};
use crate::{Capacity, Dimensions, LayerTensor, Model, ModelBuilder, Projection, Runtime, Tensor};

/// The tensors of a model as a file stores them.
#[derive(Clone, Debug)]
pub struct RandomModel {
    pub dimensions: Dimensions,
    pub matrices: Vec<StoredMatrix>,
    pub vectors: Vec<(Tensor, Vec<f32>)>,
}

/// A matrix as a file stores it.
#[derive(Clone, Debug)]
pub struct StoredMatrix {
    pub tensor: Tensor,
    pub format: Format,
    pub columns: usize,
    pub bytes: Vec<u8>,
}

impl RandomModel {
    /// Creates a model whose formats, biases and weights depend on `seed`.
    pub fn new(dimensions: Dimensions, seed: u64) -> Self {
        let mut random = Random(seed);
        let mut model = Self {
            matrices: Vec::new(),
            vectors: Vec::new(),
            dimensions,
        };
        let Dimensions {
            vocab,
            hidden,
            layers,
            tied,
            ..
        } = model.dimensions;
        model.add_matrix(Tensor::Embedding, [vocab, hidden], &mut random);
        if !tied {
            model.add_matrix(Tensor::Output, [vocab, hidden], &mut random);
        }
        model.add_norm(Tensor::OutputNorm, &mut random);
        for layer in 0..layers {
            model.add_norm(Tensor::Layer(layer, LayerTensor::AttnNorm), &mut random);
            model.add_norm(Tensor::Layer(layer, LayerTensor::FfnNorm), &mut random);
            for projection in Projection::ALL {
                let shape = projection.shape(&model.dimensions);
                let tensor = Tensor::Layer(layer, LayerTensor::Matrix(projection));
                model.add_matrix(tensor, shape, &mut random);
                if random.below(3) == 0 {
                    let tensor = Tensor::Layer(layer, LayerTensor::Bias(projection));
                    model.vectors.push((tensor, random.values(shape[0])));
                }
            }
        }
        model
    }

    /// Adds a matrix in any format whose blocks fit into its rows.
    fn add_matrix(&mut self, tensor: Tensor, [rows, columns]: [usize; 2], random: &mut Random) {
        let mut formats = Format::ALL.to_vec();
        formats.retain(|format| columns.is_multiple_of(format.stored_block().0));
        // Half of the matrices are in one of the largest blocks that fit.
        formats.sort_by_key(|format| format.stored_block().0);
        let largest = formats.last().map_or(1, |format| format.stored_block().0);
        if random.below(2) == 0 {
            formats.retain(|format| format.stored_block().0 == largest);
        }
        let format = formats[random.below(formats.len())];
        // Products of values around 1 are then around 1.
        let size = 2.0 / (columns as f32).sqrt();
        self.matrices.push(StoredMatrix {
            tensor,
            format,
            columns,
            bytes: random.weights(format, rows, columns, size),
        });
    }

    fn add_norm(&mut self, tensor: Tensor, random: &mut Random) {
        let weights = (0..self.dimensions.hidden).map(|_| 1.0 + random.value() / 2.0);
        self.vectors.push((tensor, weights.collect()));
    }

    /// Loads the model.
    pub fn load(&self, set: InstructionSet, threads: usize, capacity: Capacity) -> Model {
        let runtime = Runtime::new(Some(set), threads, || 0.0).expect("a runtime");
        let mut builder = ModelBuilder::new(self.dimensions.clone(), runtime);
        for matrix in &self.matrices {
            builder
                .matrix(matrix.tensor, matrix.format, &matrix.bytes)
                .expect("fits");
        }
        for (tensor, values) in &self.vectors {
            builder.vector(*tensor, values.clone()).expect("fits");
        }
        let angles = self.angles(capacity.context);
        builder.build(capacity, angles).expect("complete")
    }

    /// Returns cosine and sine of each position and pair.
    pub fn angles(&self, positions: usize) -> Vec<[f32; 2]> {
        let half = self.dimensions.heads.dim / 2;
        (0..positions * half)
            .map(|i| ((i / half) as f32 / (1 + i % half) as f32).sin_cos())
            .map(|(sin, cos)| [cos, sin])
            .collect()
    }

    /// Returns the values of a matrix, or `None` if the model has no such tensor.
    pub fn matrix_values(&self, tensor: Tensor) -> Option<Vec<f32>> {
        let matrix = self
            .matrices
            .iter()
            .find(|matrix| matrix.tensor == tensor)?;
        Some(values(matrix.format, matrix.columns, &matrix.bytes))
    }

    /// Returns the values of a norm or a bias, or `None` if the model has no such tensor.
    pub fn vector(&self, tensor: Tensor) -> Option<&[f32]> {
        let vector = self.vectors.iter().find(|(known, _)| *known == tensor)?;
        Some(&vector.1)
    }
}
