//! Compares two forward paths block by block to find where they diverge.

use serde::{Deserialize, Serialize};

use llamaglass_engine::{Engine, EngineError};

/// Maximum difference of two residual streams, relative to the largest value. f32 products in another order
/// differ by rounding, which grows from block to block.
pub const TOLERANCE: f64 = 2e-3;

/// Difference of two residual streams after the same block.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockDifference {
    /// Number of blocks before this point; 0 is the embedding.
    pub after_blocks: usize,
    /// Largest absolute value of the reference stream.
    pub largest: f64,
    /// Largest absolute difference of two values; `None` if one of them is not finite or the lengths differ.
    pub max_abs_diff: Option<f64>,
    /// True if the difference is within [`TOLERANCE`] of the largest value.
    pub pass: bool,
}

/// Compares the residual streams of `engine` with those of `oracle` for `ids`, starting at position 0.
///
/// # Errors
/// Fails if there are more `ids` than either engine computes in one step, or if a device fails.
pub async fn bisect(
    engine: &mut Engine,
    oracle: &mut Engine,
    ids: &[u32],
) -> Result<Vec<BlockDifference>, EngineError> {
    let streams = engine.residuals(ids).await?;
    let wanted = oracle.residuals(ids).await?;
    let pairs = streams.iter().zip(&wanted).enumerate();
    Ok(pairs
        .map(|(after_blocks, (got, wanted))| difference(after_blocks, got, wanted))
        .collect())
}

fn difference(after_blocks: usize, got: &[f32], wanted: &[f32]) -> BlockDifference {
    let largest = wanted
        .iter()
        .fold(0f64, |most, x| most.max(f64::from(x.abs())));
    let apart = got.iter().zip(wanted);
    let most = apart.fold(0f64, |most, (a, b)| {
        let diff = (f64::from(*a) - f64::from(*b)).abs();
        // Not `f64::max`, which ignores NaN.
        if diff > most || diff.is_nan() {
            diff
        } else {
            most
        }
    });
    let max_abs_diff = Some(most).filter(|diff| diff.is_finite() && got.len() == wanted.len());
    BlockDifference {
        after_blocks,
        largest,
        max_abs_diff,
        pass: max_abs_diff.is_some_and(|diff| diff <= TOLERANCE * largest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn difference_rejects_deviation_and_nan() {
        let wanted = [1.0, -4.0, 2.0];
        assert!(difference(0, &[1.0, -4.001, 2.0], &wanted).pass);
        let apart = difference(3, &[1.0, -4.5, 2.0], &wanted);
        assert_eq!(
            (apart.largest, apart.max_abs_diff, apart.pass),
            (4.0, Some(0.5), false)
        );
        let nothing = difference(3, &[f32::NAN, -4.0, 2.5], &wanted);
        assert_eq!((nothing.max_abs_diff, nothing.pass), (None, false));
    }
}
