//! Both ways in turn, whoever measures them.

use super::{AblationEffect, Switch, Timed};
use crate::measure::interleaved;
use crate::{LabError, Point, Progress, Watch};

/// Measures `repeats` pairs, without `switch` (`timed` is told 0) and with it (1), after one of each that is
/// a warm-up; `timed` is also told the pair's number, 0 for the warm-up.
///
/// # Errors
/// [`LabError::Stopped`], and what `timed` says.
pub async fn pairs<W: Watch>(
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
            if !watch.breathe().await {
                return Err(LabError::Stopped);
            }
            pair[arm] = timed(watch, arm, number).await?;
        }
        let whole = |timed: &Timed| timed.ttft_ms + timed.rest_ms;
        watch.told(Progress {
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
