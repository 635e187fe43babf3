//! SwiGLU (arXiv:2002.05202).

/// Computes silu(gate) * up from pairs of gate and up [T, F, 2]; returns [T, F].
pub fn swiglu(gate_up: &[f32]) -> Vec<f32> {
    let value = |[gate, up]: &[f32; 2]| {
        let gate = f64::from(*gate);
        (gate / (1.0 + (-gate).exp()) * f64::from(*up)) as f32
    };
    gate_up.as_chunks::<2>().0.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swiglu_passes_large_gates_and_blocks_small_ones() {
        let y = swiglu(&[100.0, 2.0, -100.0, 2.0, 0.0, 2.0]);
        assert_eq!(y[0], 200.0);
        assert!(y[1].abs() < 1e-30 && y[2] == 0.0, "{y:?}");
    }
}
