//! Measurement of a switch in pairs, by any caller that can time a request.

use super::{AblationEffect, Switch, Timed};
use crate::measure::interleaved;
use crate::{LabError, Observer, Point, Progress};

/// Measures `repeats` pairs of requests, without `switch` (`timed` gets arm 0) and with it (arm 1), after one
/// warm-up request per arm. `timed` also gets the number of the pair; 0 is the warm-up.
/// Fails with [`LabError::Stopped`], or the error of `timed`.
pub async fn pairs<W: Observer>(
    switch: Switch,
    changes: &str,
    repeats: usize,
    watch: &mut W,
    mut timed: impl AsyncFnMut(&mut W, usize, u64) -> Result<Timed, LabError>,
) -> Result<AblationEffect, LabError> {
    for arm in [1, 0] {
        timed(watch, arm, 0).await?;
    }
    let mut pairs = Vec::with_capacity(repeats);
    for (number, order) in (1..).zip(interleaved(2, repeats)) {
        let mut pair = [Timed::default(), Timed::default()];
        for arm in order {
            if !watch.yield_now().await {
                return Err(LabError::Stopped);
            }
            pair[arm] = timed(watch, arm, number).await?;
        }
        let whole = |timed: &Timed| timed.ttft_ms + timed.rest_ms;
        watch.notify(Progress {
            what: format!("{}, pair {number}/{repeats}", switch.title()),
            done: number as usize,
            total: repeats,
            point: Some(Point {
                series: switch.name().into(),
                x: number as f64,
                y: whole(&pair[1]) - whole(&pair[0]),
            }),
        });
        pairs.push(pair);
    }
    AblationEffect::of(switch, changes.to_owned(), &pairs)
        .ok_or_else(|| LabError::Setting("ablate needs repeats".into()))
}
