//! Rotary position embedding, with the write to the KV cache.

use super::Heads;

/// Keys and values of a layer, each [K, S, D].
#[derive(Clone, Debug)]
pub struct Cache {
    /// Keys, rotated.
    pub keys: Vec<f32>,
    /// Values.
    pub values: Vec<f32>,
    /// S: number of positions.
    pub positions: usize,
}

impl Cache {
    /// Creates a cache filled with zeros.
    pub fn new(heads: Heads, positions: usize) -> Self {
        let zeros = vec![0.0; heads.kv * positions * heads.dim];
        Self {
            keys: zeros.clone(),
            values: zeros,
            positions,
        }
    }
}

/// Rotates the queries of `qkv` [T, (H + 2 K) D] and returns them as [T, H D]; rotates its keys and writes them
/// and its values to the cache. The first row is at `position`. `angles` are cosine and sine [S, D/2, 2], one
/// row per position; values 2 i and 2 i + 1 of a head are rotated together (arXiv:2104.09864).
pub fn rope(
    qkv: &[f32],
    heads: Heads,
    angles: &[[f32; 2]],
    position: usize,
    cache: &mut Cache,
) -> Vec<f32> {
    let Heads { queries, kv, dim } = heads;
    let half = dim / 2;
    let mut rotated_queries = Vec::new();
    for (t, row) in qkv.chunks_exact(heads.row()).enumerate() {
        let position = position + t;
        let rotate = |(i, [a, b]): (usize, &[f32; 2])| {
            let [cos, sin] = angles[position * half + i];
            [a * cos - b * sin, b * cos + a * sin]
        };
        for (index, head) in row.chunks_exact(dim).enumerate() {
            let pairs = head.as_chunks::<2>().0.iter().enumerate();
            let rotated: Vec<f32> = pairs.flat_map(rotate).collect();
            let to = |head: usize| (head * cache.positions + position) * dim;
            if index < queries {
                rotated_queries.extend(rotated);
            } else if index < queries + kv {
                let to = to(index - queries);
                cache.keys[to..to + dim].copy_from_slice(&rotated);
            } else {
                let to = to(index - queries - kv);
                cache.values[to..to + dim].copy_from_slice(head);
            }
        }
    }
    rotated_queries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rope_rotates_queries_and_keys_but_not_values() {
        let heads = Heads {
            queries: 1,
            kv: 1,
            dim: 2,
        };
        let mut cache = Cache::new(heads, 2);
        let qkv = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let queries = rope(&qkv, heads, &[[1.0, 0.0], [0.0, 1.0]], 1, &mut cache);
        assert_eq!(queries, [-2.0, 1.0]);
        assert_eq!(cache.keys, [0.0, 0.0, -4.0, 3.0]);
        assert_eq!(cache.values, [0.0, 0.0, 5.0, 6.0]);
    }
}
