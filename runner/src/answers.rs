//! Requests that the lab sends straight to an engine.

use llamaglass_engine::Engine;
use llamaglass_engine::event::RequestId;
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::stats::Record;
use llamaglass_lab::{LabError, Watch};

/// Submits all `requests` at once, waits until all have ended and returns their records in the same order.
///
/// # Errors
/// [`LabError::Stopped`], or [`LabError::Failed`] if a request failed.
pub async fn together(
    engine: &mut Engine,
    requests: Vec<Request>,
    watch: &mut impl Watch,
) -> Result<Vec<Record>, LabError> {
    let mut open = requests.len();
    let mut records = vec![Record::default(); open];
    let ids = requests.into_iter().map(|request| engine.submit(request));
    let ids: Vec<RequestId> = ids.collect();
    while open > 0 {
        if !watch.breathe().await {
            ids.into_iter().for_each(|id| engine.abort(id));
            return Err(LabError::Stopped);
        }
        for event in engine.step().await {
            if let Some(index) = ids.iter().position(|id| *id == event.request()) {
                records[index].push(&event);
                open -= usize::from(event.is_last());
            }
        }
    }
    records.iter().for_each(|record| watch.answered(record));
    match records.iter().find_map(|record| record.error.clone()) {
        Some(error) => Err(LabError::failed("answering", error)),
        None => Ok(records),
    }
}

/// Runs one request with an empty prefix cache.
///
/// # Errors
/// The same as [`together`].
pub async fn alone(
    engine: &mut Engine,
    request: Request,
    watch: &mut impl Watch,
) -> Result<Record, LabError> {
    // Steps of the previous request that are still in flight must not count towards this one.
    let settled = engine.settle().await;
    settled.map_err(|error| LabError::failed("waiting for the device", error))?;
    engine.clear_cache();
    let mut records = together(engine, vec![request], watch).await?;
    Ok(records.remove(0))
}
