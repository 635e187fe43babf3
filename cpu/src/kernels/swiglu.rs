//! SwiGLU (arXiv:2002.05202).

use crate::matrix::GROUP;
use crate::vector::{exp, lanes};

/// Replaces `gate` by silu(gate) * up.
#[inline(always)]
pub fn swiglu<const N: usize, const FMA: bool>(gate: &mut [[f32; GROUP]], up: &[[f32; GROUP]]) {
    let (gates, _) = gate.as_flattened_mut().as_chunks_mut::<N>();
    for (gate, up) in gates.iter_mut().zip(up.as_flattened().as_chunks::<N>().0) {
        let e = exp::<FMA, N>(lanes(|i| -gate[i]));
        *gate = lanes(|i| gate[i] / (1.0 + e[i]) * up[i]);
    }
}
