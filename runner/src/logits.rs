//! Logits at the positions that `parity` compares.

use llamaglass_engine::{Engine, EngineError};
use llamaglass_lab::experiments::parity::positions;

/// Returns the logits (V) of `ids` at the compared positions, in order.
///
/// # Errors
/// The engine's error.
pub async fn logits(engine: &mut Engine, ids: &[u32]) -> Result<Vec<Vec<f32>>, EngineError> {
    let wanted = positions(ids.len());
    let mut found = Vec::with_capacity(wanted.len());
    let mut visit = |position: usize, row: &[f32]| {
        if wanted.contains(&position) {
            found.push(row.to_vec());
        }
    };
    engine.logits(ids, 0, &mut visit).await?;
    Ok(found)
}
