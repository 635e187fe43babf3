//! Limits how often a running answer is drawn; pure.
//!
//! Drawing takes processor time from an engine on the CPU, and on a small machine every draw delays it. So the
//! cost of a draw determines how soon the next one may come.

/// Length of the pause after a draw, as a multiple of the draw's cost.
const PAUSE_PER_COST: f64 = 30.0;

/// Maximum pause in milliseconds; text that stands still for longer seems stuck.
const MAX_PAUSE_MS: f64 = 200.0;

/// Minimum pause in milliseconds; a shorter one is no longer than the wait for the next frame.
const MIN_PAUSE_MS: f64 = 17.0;

/// Start of the last draw on the page's clock and its cost, both in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct DrawPace {
    drawn_ms: f64,
    cost_ms: f64,
}

impl DrawPace {
    /// Records a draw from `start` to `end`.
    pub fn record_draw(&mut self, start: f64, end: f64) {
        self.drawn_ms = start;
        self.cost_ms = end - start;
    }

    /// Adds `ms` that a later part of the same draw took.
    pub fn add_cost(&mut self, ms: f64) {
        self.cost_ms += ms;
    }

    /// Returns how long the next draw has to wait from `now` on; `None` if it may come with the next frame.
    pub fn wait(&self, now: f64) -> Option<f64> {
        let pause = (self.cost_ms * PAUSE_PER_COST).min(MAX_PAUSE_MS);
        let remaining = self.drawn_ms + pause - now;
        (remaining >= MIN_PAUSE_MS).then_some(remaining)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_cheap_draws_do_not_wait() {
        let mut pace = DrawPace::default();
        assert_eq!([0.0, 5000.0].map(|now| pace.wait(now)), [None; 2]);
        pace.record_draw(1000.0, 1000.5);
        assert_eq!(pace.wait(1001.0), None);
    }

    #[test]
    fn expensive_draws_wait_in_proportion_up_to_the_maximum() {
        let mut pace = DrawPace::default();
        pace.record_draw(1000.0, 1003.0);
        assert_eq!(pace.wait(1010.0), Some(80.0));
        assert_eq!(pace.wait(1080.0), None);
        pace.record_draw(1100.0, 1102.0);
        pace.add_cost(1.0);
        assert_eq!(pace.wait(1110.0), Some(80.0));
        pace.record_draw(2000.0, 2500.0);
        assert_eq!(pace.wait(2100.0), Some(100.0));
        assert_eq!(pace.wait(2500.0), None, "it took longer than any pause");
    }
}
