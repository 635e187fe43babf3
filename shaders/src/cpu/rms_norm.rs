//! RMSNorm (arXiv:1910.07467).

/// Computes x / sqrt(mean(x^2) + eps) * weight: x [T, C], weight `[C]`, y [T, C].
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32) -> Vec<f32> {
    let c = weight.len();
    let mut y = Vec::with_capacity(x.len());
    for row in x.chunks_exact(c) {
        let squares: f64 = row.iter().map(|x| f64::from(*x).powi(2)).sum();
        let root = (squares / c as f64 + f64::from(eps)).sqrt();
        let scaled = |(x, w): (&f32, &f32)| (f64::from(*x) / root * f64::from(*w)) as f32;
        y.extend(row.iter().zip(weight).map(scaled));
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rms_norm_scales_rows_to_mean_square_of_one() {
        assert_eq!(
            rms_norm(&[3.0, -3.0, 0.5, 0.5], &[1.0, 2.0], 0.0),
            [1.0, -2.0, 1.0, 2.0]
        );
    }
}
