//! Rotary position embedding: the table of angles on a device, and the rotation.

use burn::tensor::{Device, Tensor, TensorData};

use super::super::rope::frequencies;
use crate::weights::ModelConfig;

/// Cosines and sines for every position and pair, each [1, S, D/2], on the device.
#[derive(Clone, Debug)]
pub struct RopeTable {
    pub(super) cos: Tensor<3>,
    pub(super) sin: Tensor<3>,
}

impl RopeTable {
    /// Creates the table for positions 0 to `context` - 1.
    pub fn new(config: &ModelConfig, context: usize, device: &Device) -> Self {
        let frequencies = frequencies(config);
        let shape = [1, context, frequencies.len()];
        let table = |f: fn(f64) -> f64| {
            let values: Vec<f32> = (0..context)
                .flat_map(|position| {
                    // Compute angles in f64: in f32, position 8000 would lose three digits.
                    frequencies
                        .iter()
                        .map(move |w| f(position as f64 * w) as f32)
                })
                .collect();
            Tensor::from_data(TensorData::new(values, shape), device)
        };
        Self {
            cos: table(f64::cos),
            sin: table(f64::sin),
        }
    }

    /// Returns the rows for positions `start` to `start + len` - 1.
    pub fn rows(&self, start: usize, len: usize) -> Self {
        let half = self.cos.dims()[2];
        let range = [0..1, start..start + len, 0..half];
        Self {
            cos: self.cos.clone().slice(range.clone()),
            sin: self.sin.clone().slice(range),
        }
    }

    /// Rotates element i with i + D/2 in every head of `x` [heads, T, D]; the table must have T rows.
    pub fn rotate(&self, x: Tensor<3>) -> Tensor<3> {
        let [heads, t, d] = x.dims();
        let half = d / 2;
        let a = x.clone().slice([0..heads, 0..t, 0..half]);
        let b = x.slice([0..heads, 0..t, half..d]);
        Tensor::cat(
            vec![
                a.clone() * self.cos.clone() - b.clone() * self.sin.clone(),
                b * self.cos.clone() + a * self.sin.clone(),
            ],
            2,
        )
    }
}
