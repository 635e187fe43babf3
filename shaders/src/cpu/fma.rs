//! Chains of multiply-adds.

/// What invocation `id` has after `rounds`, in which each of 32 chains becomes itself times
/// `factor` plus `summand`.
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
    fn a_factor_of_one_counts_the_rounds() {
        // 32 chains from 0 on, whose starts are 0.25 apart and in all 0.375 + 3.5 on average.
        assert_eq!(fma(0, 0, 1.0, 1.0), 32.0 * 3.875);
        assert_eq!(fma(64, 10, 1.0, 1.0), 32.0 * 13.875);
    }
}
