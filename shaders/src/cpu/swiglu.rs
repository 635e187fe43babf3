//! SwiGLU (arXiv:2002.05202).

/// silu(gate) * up: pairs of gate and up [T, F, 2] to [T, F].
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
    fn large_gates_let_through_and_small_ones_do_not() {
        let y = swiglu(&[100.0, 2.0, -100.0, 2.0, 0.0, 2.0]);
        assert_eq!(y[0], 200.0);
        assert!(y[1].abs() < 1e-30 && y[2] == 0.0, "{y:?}");
    }
}
