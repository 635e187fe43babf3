//! Tolerances for deviations from the reference. No other module defines any.
//!
//! They hold for weights dequantised to f32 and f32 activations, for which logits differ from an f64
//! computation by up to 6e-5.

/// Maximum difference of a logit.
pub const LOGIT: f64 = 2e-3;
/// Maximum difference of the logarithm of the sum of exponentials of all logits.
pub const LOGSUMEXP: f64 = 1e-3;
/// The reference's second choice is accepted if its first choice leads by less than this.
pub const MARGIN: f64 = 0.01;
/// Maximum relative difference of a mean negative log-likelihood.
pub const NLL_RELATIVE: f64 = 1e-4;

/// Returns true if `pick` is acceptable where the reference sampled `first`, which leads `second` by `margin`.
pub fn pick_passes(pick: u32, first: u32, second: u32, margin: f64) -> bool {
    pick == first || (pick == second && margin < MARGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pick_passes_accepts_second_choice_only_on_near_tie() {
        assert!(pick_passes(1, 1, 2, 5.0));
        assert!(pick_passes(2, 1, 2, 0.0099));
        assert!(!pick_passes(2, 1, 2, 0.01));
        assert!(!pick_passes(3, 1, 2, 0.0001));
        assert!(!pick_passes(2, 1, 2, f64::NAN));
    }
}
