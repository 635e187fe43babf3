//! SwiGLU (arXiv:2002.05202).

/// silu(gate) * up: `gate_up` [T, 2 F] (gate, then up) to [T, F].
pub fn swiglu(gate_up: &[f32], f: usize) -> Vec<f32> {
    let mut y = Vec::with_capacity(gate_up.len() / 2);
    for row in gate_up.chunks_exact(2 * f) {
        let (gate, up) = row.split_at(f);
        let value = |(gate, up): (&f32, &f32)| {
            let gate = f64::from(*gate);
            (gate / (1.0 + (-gate).exp()) * f64::from(*up)) as f32
        };
        y.extend(gate.iter().zip(up).map(value));
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_gates_let_through_and_small_ones_do_not() {
        let y = swiglu(&[100.0, -100.0, 0.0, 2.0, 2.0, 2.0], 3);
        assert_eq!(y[0], 200.0);
        assert!(y[1].abs() < 1e-30 && y[2] == 0.0, "{y:?}");
    }
}
