//! Limits how often a running answer is drawn; pure.
//!
//! Drawing takes processor time from an engine on the CPU, and on a small machine every draw delays it. So the
//! cost of a draw determines how soon the next one may come.

/// Length of the pause after a draw, as a multiple of the draw's cost.
const PAUSE: f64 = 30.0;

/// Maximum pause in milliseconds; text that stands still for longer seems stuck.
const LONGEST_MS: f64 = 200.0;

/// Minimum pause in milliseconds; a shorter one is no longer than the wait for the next frame.
const SHORTEST_MS: f64 = 17.0;

/// Start of the last draw on the page's clock and its cost, both in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    drawn_ms: f64,
    cost_ms: f64,
}

impl Pace {
    /// Records a draw from `at` to `end`.
    pub fn drew(&mut self, at: f64, end: f64) {
        self.drawn_ms = at;
        self.cost_ms = end - at;
    }

    /// Adds `ms` that a later part of the same draw took.
    pub fn also(&mut self, ms: f64) {
        self.cost_ms += ms;
    }

    /// Returns how long the next draw has to wait from `now` on; `None` if it may come with the next frame.
    pub fn wait(&self, now: f64) -> Option<f64> {
        let pause = (self.cost_ms * PAUSE).min(LONGEST_MS);
        let left = self.drawn_ms + pause - now;
        (left >= SHORTEST_MS).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_draw_does_not_wait() {
        assert_eq!(Pace::default().wait(0.0), None);
        assert_eq!(Pace::default().wait(5000.0), None);
    }

    #[test]
    fn cheap_draws_come_with_every_frame() {
        let mut pace = Pace::default();
        pace.drew(1000.0, 1000.5);
        assert_eq!(pace.wait(1001.0), None);
    }

    #[test]
    fn expensive_draws_wait_in_proportion_up_to_the_maximum() {
        let mut pace = Pace::default();
        pace.drew(1000.0, 1003.0);
        assert_eq!(pace.wait(1010.0), Some(80.0));
        assert_eq!(pace.wait(1080.0), None);
        pace.drew(1100.0, 1102.0);
        pace.also(1.0);
        assert_eq!(pace.wait(1110.0), Some(80.0));
        pace.drew(2000.0, 2500.0);
        assert_eq!(pace.wait(2100.0), Some(100.0));
        assert_eq!(pace.wait(2500.0), None, "it took longer than any pause");
    }
}
