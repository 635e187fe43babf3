//! The clocks: one that measures durations, and its resolution; and the wall clock, for dates.

use std::sync::OnceLock;

use web_time::Instant;

use crate::timing::{Clock, ClockSource};

#[cfg(target_arch = "wasm32")]
const SOURCE: ClockSource = ClockSource::PerformanceNow;
#[cfg(not(target_arch = "wasm32"))]
const SOURCE: ClockSource = ClockSource::Monotonic;

/// Number of distinct readings from which the resolution is measured.
const TICKS: usize = 8;
/// Maximum number of readings, so that a stopped clock cannot hang the measurement.
const MAX_READINGS: usize = 200_000;

/// Returns the clock behind every timing of this process; its resolution is measured once.
pub fn clock() -> Clock {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    *CLOCK.get_or_init(|| Clock {
        source: SOURCE,
        resolution_ms: measure_resolution(),
    })
}

/// Returns the smallest step between distinct readings, in milliseconds; 0 if the clock never advanced.
fn measure_resolution() -> f64 {
    let mut smallest = f64::INFINITY;
    let mut ticks = 0;
    let mut last = Instant::now();
    for _ in 0..MAX_READINGS {
        let now = Instant::now();
        let step = now.duration_since(last).as_secs_f64() * 1e3;
        if step > 0.0 {
            smallest = smallest.min(step);
            last = now;
            ticks += 1;
            if ticks == TICKS {
                break;
            }
        }
    }
    if smallest.is_finite() { smallest } else { 0.0 }
}

/// Measures elapsed milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts a stopwatch.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the milliseconds since the start.
    pub fn ms(&self) -> f64 {
        self.0.elapsed().as_secs_f64() * 1e3
    }
}

/// Returns the seconds since 1970-01-01 00:00 UTC; 0 if the clock is set to an earlier time.
pub fn unix_time_seconds() -> i64 {
    #[cfg(not(target_arch = "wasm32"))]
    {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| {
                i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
            })
    }
    #[cfg(target_arch = "wasm32")]
    {
        // A date in milliseconds fits; `as` would saturate otherwise.
        (js_sys::Date::now() / 1000.0) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_resolution_is_plausible() {
        let clock = clock();
        assert!(clock.resolution_ms > 0.0, "{clock:?}");
        assert!(clock.resolution_ms < 20.0, "{clock:?}");
    }
}
