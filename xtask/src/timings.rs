//! Measures and formats the durations of a command's steps.

use std::fmt;
use std::time::{Duration, Instant};

/// Formats a duration: `1.5 s`, `42 s`, `2 min 5 s`.
pub struct Words(pub Duration);

impl fmt::Display for Words {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded first, so that 59.6 s becomes one minute.
        let seconds = self.0.as_secs_f64().round() as u64;
        match (seconds / 60, seconds % 60) {
            (0, _) if seconds < 10 => write!(out, "{:.1} s", self.0.as_secs_f64()),
            (0, seconds) => write!(out, "{seconds} s"),
            (minutes, 0) => write!(out, "{minutes} min"),
            (minutes, seconds) => write!(out, "{minutes} min {seconds} s"),
        }
    }
}

/// A step and its duration.
#[derive(Clone, Debug)]
pub struct Timing {
    /// The step, as a noun phrase.
    pub step: String,
    /// Duration of the step.
    pub duration: Duration,
}

/// Durations of a command's steps so far.
pub struct Timings {
    start: Instant,
    steps: Vec<Timing>,
}

impl Timings {
    /// Starts the clock of the whole command.
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
            steps: Vec::new(),
        }
    }

    /// Runs a step and records its duration.
    ///
    /// # Errors
    /// The error of `work`.
    pub fn time<T>(
        &mut self,
        step: &str,
        work: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let start = Instant::now();
        let outcome = work()?;
        self.steps.push(Timing {
            step: step.to_owned(),
            duration: start.elapsed(),
        });
        Ok(outcome)
    }

    /// Adds steps that were timed elsewhere.
    pub fn extend(&mut self, steps: Vec<Timing>) {
        self.steps.extend(steps);
    }
}

impl fmt::Display for Timings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        render(self.start.elapsed(), &self.steps, out)
    }
}

/// Writes a table of the steps below the total.
fn render(total: Duration, steps: &[Timing], out: &mut impl fmt::Write) -> fmt::Result {
    let width = steps
        .iter()
        .map(|timing| timing.step.chars().count())
        .max()
        .unwrap_or(0);
    write!(out, "Done in {}", Words(total))?;
    let sum: Duration = steps.iter().map(|timing| timing.duration).sum();
    if sum > total + Duration::from_secs(1) {
        write!(out, "; some steps ran at the same time")?;
    }
    for timing in steps {
        write!(
            out,
            "\n  {:width$}  {}",
            timing.step,
            Words(timing.duration)
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(step: &str, seconds: u64) -> Timing {
        Timing {
            step: step.to_owned(),
            duration: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn durations_are_written_in_minutes_and_seconds() {
        let words = |millis| Words(Duration::from_millis(millis)).to_string();
        assert_eq!(words(1_540), "1.5 s");
        assert_eq!(words(42_400), "42 s");
        assert_eq!(words(59_600), "1 min");
        assert_eq!(words(125_000), "2 min 5 s");
    }

    #[test]
    fn table_lists_every_step_and_says_when_they_overlap() {
        let mut text = String::new();
        let steps = [timing("page", 90), timing("trunk 0.21.14", 60)];
        render(Duration::from_secs(100), &steps, &mut text).expect("written");
        assert_eq!(
            text,
            "Done in 1 min 40 s; some steps ran at the same time\n  \
             page           1 min 30 s\n  trunk 0.21.14  1 min"
        );
        let mut text = String::new();
        render(Duration::from_secs(60), &steps[1..], &mut text).expect("written");
        assert_eq!(text, "Done in 1 min\n  trunk 0.21.14  1 min");
    }
}
