//! Chains of multiply-adds.

/// Returns the sum of the 32 chains of invocation `id` after `rounds`, each of which multiplies every chain by
/// `factor` and adds `summand`.
pub fn fma(id: usize, rounds: usize, factor: f32, summand: f32) -> f32 {
    let start = (id % 64) as f32;
    let chains = (0..8)
        .flat_map(|chain| [0.0, 0.25, 0.5, 0.75].map(|component| start + component + chain as f32));
    let after = |value: f32| (0..rounds).fold(value, |value, _| value * factor + summand);
    chains.map(after).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fma_with_factor_one_counts_rounds() {
        // The 32 chains start at 0 to 0.75 in steps of 0.25, plus 0 to 7: at 0.375 + 3.5 on average.
        assert_eq!(fma(0, 0, 1.0, 1.0), 32.0 * 3.875);
        assert_eq!(fma(64, 10, 1.0, 1.0), 32.0 * 13.875);
    }
}
