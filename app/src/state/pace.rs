//! How often an answer is drawn while it is made; pure.
//!
//! Drawing takes the processors' time, which an engine on the CPU wants, and on a small machine every picture
//! makes it late. So what a picture costs says how soon the next one may come.

/// A picture that cost this much is followed by a pause of so many times that.
const PAUSE: f64 = 30.0;

/// Text that stands still for longer seems stuck.
const LONGEST_MS: f64 = 200.0;

/// A pause that is shorter is no longer than the wait for the screen.
const SHORTEST_MS: f64 = 17.0;

/// When pictures were drawn, and what the last one cost; on the page's clock (ms).
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    drawn_ms: f64,
    cost_ms: f64,
}

impl Pace {
    /// A picture was begun at `at`, and took until `end`.
    pub fn drew(&mut self, at: f64, end: f64) {
        self.drawn_ms = at;
        self.cost_ms = end - at;
    }

    /// So much was drawn later that is part of it.
    pub fn also(&mut self, ms: f64) {
        self.cost_ms += ms;
    }

    /// How long the next picture has to wait from `now` on; `None` where it may be drawn with the next frame.
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
    fn the_first_picture_does_not_wait() {
        assert_eq!(Pace::default().wait(0.0), None);
        assert_eq!(Pace::default().wait(5000.0), None);
    }

    #[test]
    fn what_is_cheap_is_drawn_with_every_frame() {
        let mut pace = Pace::default();
        pace.drew(1000.0, 1000.5);
        assert_eq!(pace.wait(1001.0), None);
    }

    #[test]
    fn what_is_dear_waits_in_proportion_and_not_for_ever() {
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
