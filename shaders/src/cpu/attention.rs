//! Causal attention over the cache.

use super::{Cache, Heads};

/// Computes causal attention of queries [T, H D], the first row at `position`, over the cache; returns [T, H
/// D]. H / K query heads share keys and values (arXiv:2305.13245).
pub fn attention(rows: &[f32], heads: Heads, position: usize, cache: &Cache) -> Vec<f32> {
    let Heads { queries, kv, dim } = heads;
    let scale = (dim as f64).sqrt().recip();
    let mut attn_out = Vec::new();
    for (t, row) in rows.chunks_exact(queries * dim).enumerate() {
        for (index, query) in row.chunks_exact(dim).enumerate() {
            let from = index / (queries / kv) * cache.positions * dim;
            let seen = (position + t + 1) * dim;
            let scores: Vec<f64> = cache.keys[from..from + seen]
                .chunks_exact(dim)
                .map(|key| {
                    let product = |(a, b): (&f32, &f32)| f64::from(*a) * f64::from(*b);
                    query.iter().zip(key).map(product).sum::<f64>() * scale
                })
                .collect();
            let largest = scores.iter().copied().fold(f64::MIN, f64::max);
            let weights: Vec<f64> = scores.iter().map(|s| (s - largest).exp()).collect();
            let total: f64 = weights.iter().sum();
            for i in 0..dim {
                let values = cache.values[from..from + seen].chunks_exact(dim);
                let sum: f64 = values.zip(&weights).map(|(v, w)| f64::from(v[i]) * w).sum();
                attn_out.push((sum / total) as f32);
            }
        }
    }
    attn_out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attention_averages_equal_scores_and_ignores_later_positions() {
        let heads = Heads {
            queries: 2,
            kv: 1,
            dim: 1,
        };
        let cache = Cache {
            keys: vec![1.0, 1.0, 9.0],
            values: vec![2.0, 4.0, 100.0],
            positions: 3,
        };
        let queries = [1.0, 0.0, 1.0, 1.0];
        assert_eq!(attention(&queries[..2], heads, 1, &cache), [3.0, 3.0]);
        let two_rows = attention(&queries, heads, 0, &cache);
        assert_eq!(two_rows, [2.0, 2.0, 3.0, 3.0]);
    }
}
