//! Rotary position embedding: the table of angles and the rotation.

use burn::tensor::{Device, Tensor, TensorData};

use crate::weights::{ModelConfig, RopeScaling};

/// Returns the frequency of each of the D / 2 pairs, in radians per position, after scaling.
///
/// RoFormer (arXiv:2104.09864) eq. 15; Llama 3's scaling as in Meta's reference and in `rope_scaling` of
/// config.json.
pub fn frequencies(config: &ModelConfig) -> Vec<f64> {
    let rope = &config.rope;
    let half = config.head_dim / 2;
    (0..half)
        .map(|i| {
            let base = f64::from(rope.theta).powf(-2.0 * i as f64 / config.head_dim as f64);
            match &rope.scaling {
                RopeScaling::None => base,
                RopeScaling::Linear { factor } => base / f64::from(*factor),
                RopeScaling::Factors(factors) => {
                    base / factors.get(i).copied().map_or(1.0, f64::from)
                }
                RopeScaling::Llama3 {
                    factor,
                    low_freq_factor,
                    high_freq_factor,
                    original_context,
                } => llama3(
                    base,
                    f64::from(*factor),
                    f64::from(*low_freq_factor),
                    f64::from(*high_freq_factor),
                    *original_context as f64,
                ),
            }
        })
        .collect()
}

/// Returns cosine and sine [S, D/2] of each position and pair.
pub fn angles(config: &ModelConfig, context: usize) -> Vec<[f32; 2]> {
    let frequencies = frequencies(config);
    let positions = (0..context).flat_map(|position| {
        frequencies.iter().map(move |frequency| {
            // Compute in f64: in f32, position 8000 would lose three digits.
            let (sin, cos) = (position as f64 * frequency).sin_cos();
            [cos as f32, sin as f32]
        })
    });
    positions.collect()
}

fn llama3(base: f64, factor: f64, low: f64, high: f64, context: f64) -> f64 {
    let wavelength = std::f64::consts::TAU / base;
    if wavelength > context / low {
        base / factor
    } else if wavelength < context / high {
        base
    } else {
        let smooth = (context / wavelength - low) / (high - low);
        (1.0 - smooth) * base / factor + smooth * base
    }
}

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
