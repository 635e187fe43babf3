//! Rotary position embedding, and the write into the cache.

use super::Heads;

/// Keys and values of a layer, each [K, S, D].
#[derive(Clone, Debug)]
pub struct Cache {
    /// Keys, rotated.
    pub keys: Vec<f32>,
    /// Values.
    pub values: Vec<f32>,
    /// S: positions.
    pub positions: usize,
}

impl Cache {
    /// Zeros.
    pub fn new(heads: Heads, positions: usize) -> Self {
        let zeros = vec![0.0; heads.kv * positions * heads.dim];
        Self {
            keys: zeros.clone(),
            values: zeros,
            positions,
        }
    }
}

/// Turns the queries of `qkv` [T, (H + 2 K) D] in place, and its keys into the cache, where its
/// values go too; the first row is at `position`. `cosines` and `sines` are [S, D/2], a row a
/// position; values i and i + D/2 of a head are turned together (arXiv:2104.09864).
pub fn rope(
    qkv: &mut [f32],
    heads: Heads,
    [cosines, sines]: [&[f32]; 2],
    position: usize,
    cache: &mut Cache,
) {
    let Heads { queries, kv, dim } = heads;
    let half = dim / 2;
    for (t, row) in qkv.chunks_exact_mut(heads.row()).enumerate() {
        let position = position + t;
        for (index, head) in row.chunks_exact_mut(dim).enumerate() {
            let mut turned = head.to_vec();
            if index < queries + kv {
                for i in 0..half {
                    let (a, b) = (head[i], head[i + half]);
                    let (cos, sin) = (cosines[position * half + i], sines[position * half + i]);
                    turned[i] = a * cos - b * sin;
                    turned[i + half] = b * cos + a * sin;
                }
            }
            let to = |head: usize| (head * cache.positions + position) * dim;
            if index < queries {
                head.copy_from_slice(&turned);
            } else if index < queries + kv {
                let to = to(index - queries);
                cache.keys[to..to + dim].copy_from_slice(&turned);
            } else {
                let to = to(index - queries - kv);
                cache.values[to..to + dim].copy_from_slice(&turned);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_turn_swaps_the_halves_and_values_stay() {
        let heads = Heads {
            queries: 1,
            kv: 1,
            dim: 2,
        };
        let mut cache = Cache::new(heads, 2);
        let mut qkv = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        rope(&mut qkv, heads, [&[1.0, 0.0], &[0.0, 1.0]], 1, &mut cache);
        assert_eq!(qkv, [-2.0, 1.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(cache.keys, [0.0, 0.0, -4.0, 3.0]);
        assert_eq!(cache.values, [0.0, 0.0, 5.0, 6.0]);
    }
}
