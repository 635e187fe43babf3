//! How far a result may be from the reference: the one place where that is said.
//!
//! All hold for weights dequantised to f32 and f32 activations, where f32 against f64 differs by up
//! to 6e-5 logit.

/// Largest difference of any logit.
pub const LOGIT: f64 = 2e-3;
/// Largest difference of the log of the sum of the exponentials of all logits.
pub const LOGSUMEXP: f64 = 1e-3;
/// A greedy pick may be the reference's second choice where the first leads by less than this.
pub const MARGIN: f64 = 0.01;
/// Largest relative difference of a mean negative log-likelihood.
pub const NLL_RELATIVE: f64 = 1e-4;

/// Whether `pick` may stand where the reference picked `first`, `margin` ahead of `second`.
pub fn pick_passes(pick: u32, first: u32, second: u32, margin: f64) -> bool {
    pick == first || (pick == second && margin < MARGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_second_choice_of_a_near_tie_may_stand_in() {
        assert!(pick_passes(1, 1, 2, 5.0));
        assert!(pick_passes(2, 1, 2, 0.0099));
        assert!(!pick_passes(2, 1, 2, 0.01));
        assert!(!pick_passes(3, 1, 2, 0.0001));
        assert!(!pick_passes(2, 1, 2, f64::NAN));
    }
}
