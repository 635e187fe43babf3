//! Rotary position embedding: frequencies and angles.

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
