//! Random logits for stub levels.

use llamaglass_engine::event::RequestId;

/// Returns pseudorandom logits (V) that depend on the request and the position only.
pub fn random_logits(vocab: usize, request: RequestId, position: usize) -> Vec<f32> {
    let mut state = mixed(request.0 ^ mixed(position as u64));
    let mut logit = || {
        state = state.wrapping_add(STEP);
        // The upper 24 bits, scaled to [-4, 4).
        (mixed(state) >> 40) as f32 / (1u32 << 21) as f32 - 4.0
    };
    (0..vocab).map(|_| logit()).collect()
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number
/// generators", 2014).
const fn mixed(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_logits_depend_on_request_and_position_only() {
        let logits = random_logits(1000, RequestId(1), 2);
        assert_eq!(logits, random_logits(1000, RequestId(1), 2));
        assert_ne!(logits, random_logits(1000, RequestId(2), 1));
        assert_ne!(logits, random_logits(1000, RequestId(1), 3));
        assert!(logits.iter().all(|logit| (-4.0..4.0).contains(logit)));
        let mean = logits.iter().sum::<f32>() / 1000.0;
        assert!(mean.abs() < 0.4, "{mean}");
    }
}
