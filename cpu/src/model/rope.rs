//! Rotary position embedding (arXiv:2104.09864) of a group of rows of q or k.

use super::Row;
use crate::matrix::GROUP;

/// Rotates pairs 2i and 2i + 1 of each row's columns. `first` is the projection's first column in the group, and
/// `angles` are cosine and sine [S, D/2].
pub fn rotate(
    columns: &mut [[f32; GROUP]],
    rows: &[Row],
    first: usize,
    dim: usize,
    angles: &[[f32; 2]],
) {
    let half = dim / 2;
    for (columns, row) in columns.iter_mut().zip(rows) {
        let angles = &angles[row.position as usize * half..][..half];
        for (pair, values) in columns.as_chunks_mut::<2>().0.iter_mut().enumerate() {
            let [cos, sin] = angles[(first + 2 * pair) % dim / 2];
            let [a, b] = *values;
            *values = [a * cos - b * sin, b * cos + a * sin];
        }
    }
}
