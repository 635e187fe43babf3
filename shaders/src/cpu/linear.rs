//! Product with a matrix that is stored by rows.

/// Computes y = x w^T + bias: x [T, `inputs`], w [OUT, `inputs`], bias `[OUT]` or empty, y [T, OUT].
pub fn linear(x: &[f32], w: &[f32], bias: &[f32], inputs: usize) -> Vec<f32> {
    let mut y = Vec::new();
    for row in x.chunks_exact(inputs) {
        for (column, weights) in w.chunks_exact(inputs).enumerate() {
            let product = |(a, b): (&f32, &f32)| f64::from(*a) * f64::from(*b);
            let sum: f64 = row.iter().zip(weights).map(product).sum();
            y.push(sum as f32 + bias.get(column).copied().unwrap_or(0.0));
        }
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_of_w_yields_column_of_y() {
        let y = linear(&[1.0, 2.0], &[1.0, 0.0, 0.0, 1.0, 1.0, 1.0], &[], 2);
        assert_eq!(y, [1.0, 2.0, 3.0]);
        assert_eq!(linear(&[1.0], &[2.0], &[0.5], 1), [2.5]);
    }
}
