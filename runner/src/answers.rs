//! Requests that the lab sends straight to an engine.

use llamaglass_engine::Engine;
use llamaglass_engine::event::{Event, RequestId};
use llamaglass_engine::platform::Stopwatch;
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::stats::Record;
use llamaglass_lab::{LabError, Observer};

/// A request that ran alone.
#[derive(Clone, Debug)]
pub struct TimedAnswer {
    /// Events of the request; of a failed one, with its error.
    pub record: Record,
    /// Milliseconds from the submission to the first token; `None` without one.
    pub first_ms: Option<f64>,
    /// Milliseconds from the submission to the end.
    pub ms: f64,
}

/// Submits all `requests` at once, waits until all have ended and returns their records in the same order.
///
/// # Errors
/// [`LabError::Stopped`], or [`LabError::Failed`] if a request failed.
pub async fn together(
    engine: &mut Engine,
    requests: Vec<Request>,
    watch: &mut impl Observer,
) -> Result<Vec<Record>, LabError> {
    let records = collect(engine, requests, watch, |_| {}).await?;
    completed(records, watch)
}

/// Runs one request with an empty prefix cache.
///
/// # Errors
/// The same as [`together`].
pub async fn alone(
    engine: &mut Engine,
    request: Request,
    watch: &mut impl Observer,
) -> Result<Record, LabError> {
    let answer = alone_timed(engine, request, watch).await?;
    let mut records = completed(vec![answer.record], watch)?;
    Ok(records.remove(0))
}

/// Runs one request with an empty prefix cache, and times it on the clock of this thread.
///
/// # Errors
/// [`LabError::Stopped`], or [`LabError::Failed`] if another request is running or the device fails.
pub async fn alone_timed(
    engine: &mut Engine,
    request: Request,
    watch: &mut impl Observer,
) -> Result<TimedAnswer, LabError> {
    // Steps of the previous request that are still in flight must not count towards this one.
    let settled = engine.settle().await;
    settled.map_err(|error| LabError::failed("waiting for the device", error))?;
    engine.clear_cache();
    let clock = Stopwatch::start();
    let mut first_ms = None;
    let time_first = |event: &Event| {
        if matches!(event, Event::Token { .. }) {
            first_ms.get_or_insert_with(|| clock.ms());
        }
    };
    let mut records = collect(engine, vec![request], watch, time_first).await?;
    Ok(TimedAnswer {
        record: records.remove(0),
        first_ms,
        ms: clock.ms(),
    })
}

/// Submits all `requests` and returns their records once all have ended.
async fn collect(
    engine: &mut Engine,
    requests: Vec<Request>,
    watch: &mut impl Observer,
    mut visit: impl FnMut(&Event),
) -> Result<Vec<Record>, LabError> {
    let mut open = requests.len();
    let mut records = vec![Record::default(); open];
    let ids = requests.into_iter().map(|request| engine.submit(request));
    let ids: Vec<RequestId> = ids.collect();
    while open > 0 {
        if !watch.yield_now().await {
            ids.into_iter().for_each(|id| engine.abort(id));
            return Err(LabError::Stopped);
        }
        for event in engine.step().await {
            if let Some(index) = ids.iter().position(|id| *id == event.request()) {
                records[index].push(&event);
                open -= usize::from(event.is_last());
                visit(&event);
            }
        }
    }
    Ok(records)
}

/// Passes the records to `watch` and fails if a request failed.
fn completed(records: Vec<Record>, watch: &mut impl Observer) -> Result<Vec<Record>, LabError> {
    records.iter().for_each(|record| watch.record(record));
    match records.iter().find_map(|record| record.error.clone()) {
        Some(error) => Err(LabError::failed("answering", error)),
        None => Ok(records),
    }
}
