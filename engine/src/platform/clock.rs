//! The engine's clock and what it can resolve.

use std::sync::OnceLock;

use web_time::Instant;

use crate::timing::{Clock, ClockSource};

#[cfg(target_arch = "wasm32")]
const SOURCE: ClockSource = ClockSource::PerformanceNow;
#[cfg(not(target_arch = "wasm32"))]
const SOURCE: ClockSource = ClockSource::Monotonic;

/// How many different readings the resolution is judged from.
const TICKS: usize = 8;
/// How often the clock is read at most: a clock that stands still must not hang us.
const MAX_READINGS: usize = 200_000;

/// The clock that every timing of this process is read from, its resolution measured once.
pub fn clock() -> Clock {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    *CLOCK.get_or_init(|| Clock {
        source: SOURCE,
        resolution_ms: measure_resolution(),
    })
}

/// The smallest step between readings that differ, in milliseconds.
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

/// Reads milliseconds since it was started.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Milliseconds since the start.
    pub fn ms(&self) -> f64 {
        self.0.elapsed().as_secs_f64() * 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resolution_is_measured_and_plausible() {
        let clock = clock();
        assert!(clock.resolution_ms > 0.0, "{clock:?}");
        assert!(clock.resolution_ms < 20.0, "{clock:?}");
    }
}
