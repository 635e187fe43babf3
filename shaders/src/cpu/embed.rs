//! Lookup in the token embedding.

/// Looks up `ids` in `embedding` [V, C]; returns x [T, C].
pub fn embed(embedding: &[f32], c: usize, ids: &[u32]) -> Vec<f32> {
    let row = |id: &u32| &embedding[*id as usize * c..(*id as usize + 1) * c];
    ids.iter().flat_map(row).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embed_returns_one_row_per_id() {
        assert_eq!(
            embed(&[0.0, 1.0, 2.0, 3.0], 2, &[1, 0]),
            [2.0, 3.0, 0.0, 1.0]
        );
    }
}
