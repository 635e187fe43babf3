//! Books a load's time by span.

use std::cell::RefCell;

use crate::platform::{Stopwatch, clock};
use crate::timing::{LoadSpan, LoadTiming};

/// Times the spans of a load, from its own creation on.
#[derive(Debug)]
pub struct LoadWatch {
    watch: Stopwatch,
    timing: RefCell<LoadTiming>,
}

impl LoadWatch {
    /// Starts the clock.
    pub fn start() -> Self {
        let clock = Some(clock());
        Self {
            watch: Stopwatch::start(),
            timing: RefCell::new(LoadTiming {
                clock,
                ..Default::default()
            }),
        }
    }

    /// Milliseconds since the load began.
    pub fn ms(&self) -> f64 {
        self.watch.ms()
    }

    /// Books `span` from `start_ms` until now.
    pub fn book(&self, span: LoadSpan, start_ms: f64) {
        self.add(span, start_ms, self.ms());
    }

    /// Books `span` from `start_ms` to `end_ms`.
    pub fn add(&self, span: LoadSpan, start_ms: f64, end_ms: f64) {
        self.timing.borrow_mut().add(span, start_ms, end_ms);
    }

    /// Returns the spans booked so far.
    pub fn timing(&self) -> LoadTiming {
        self.timing.borrow().clone()
    }
}
