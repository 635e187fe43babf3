//! The generator behind seeded sampling: counter-based, so that a draw depends on the seed and the
//! draw's number only, not on what was drawn before, and 32-bit only, so that a shader can do it.

/// The `draw`-th number of `seed`'s sequence, uniform in [0, 1), in steps of 2^-24.
///
/// pcg4d (M. Jarzynski and M. Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020).
pub fn uniform(seed: u64, draw: u64) -> f32 {
    let [x, ..] = pcg4d([
        seed as u32,
        (seed >> 32) as u32,
        draw as u32,
        (draw >> 32) as u32,
    ]);
    (x >> 8) as f32 / (1u32 << 24) as f32
}

fn pcg4d(mut v: [u32; 4]) -> [u32; 4] {
    for word in &mut v {
        *word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    }
    mix(&mut v);
    for word in &mut v {
        *word ^= *word >> 16;
    }
    mix(&mut v);
    v
}

fn mix(v: &mut [u32; 4]) {
    v[0] = v[0].wrapping_add(v[1].wrapping_mul(v[3]));
    v[1] = v[1].wrapping_add(v[2].wrapping_mul(v[0]));
    v[2] = v[2].wrapping_add(v[0].wrapping_mul(v[1]));
    v[3] = v[3].wrapping_add(v[1].wrapping_mul(v[2]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_uniform_and_seeds_differ() {
        let mut bins = [0u32; 16];
        for seed in 0..64 {
            for draw in 0..1024 {
                let u = uniform(seed, draw);
                assert!((0.0..1.0).contains(&u));
                bins[(u * 16.0) as usize] += 1;
            }
        }
        // 4096 expected a bin; 5 standard deviations are about 310.
        for count in bins {
            assert!(count.abs_diff(4096) < 310, "{bins:?}");
        }
        assert_ne!(uniform(1, 0), uniform(2, 0));
        assert_ne!(uniform(1, 0), uniform(1 << 32, 0));
    }
}
