//! Copy of all values.

/// Returns a copy of `x`.
pub fn copy(x: &[f32]) -> Vec<f32> {
    x.to_vec()
}
