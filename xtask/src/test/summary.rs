//! Formats the outcomes of all steps, which are printed at the end.

use std::fmt;

/// Outcome of a step.
pub enum Outcome {
    /// It passed, with a note that may be empty.
    Passed(String),
    /// It failed, for this reason.
    Failed(String),
    /// It did not run, for this reason.
    NotRun(String),
}

/// Line of the summary for one step.
pub struct Line {
    /// The step's name.
    pub name: &'static str,
    /// Outcome of the step.
    pub outcome: Outcome,
    /// Duration of the step in seconds.
    pub seconds: f64,
}

impl Line {
    /// Returns true if the step failed.
    pub fn failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, note) = match &self.outcome {
            Outcome::Passed(note) => ("pass", note),
            Outcome::Failed(note) => ("FAIL", note),
            Outcome::NotRun(note) => ("NOT RUN", note),
        };
        // The first line is enough here; the rest was printed when the step ran.
        let note = note.lines().next().unwrap_or_default();
        let line = format!(
            "{:<14} {word:<7} {:>7.1} s  {note}",
            self.name, self.seconds
        );
        out.write_str(line.trim_end())
    }
}

/// Formats all lines and the number of steps per outcome.
pub fn render(lines: &[Line]) -> String {
    let count =
        |wanted: fn(&Outcome) -> bool| lines.iter().filter(|line| wanted(&line.outcome)).count();
    let passed = count(|outcome| matches!(outcome, Outcome::Passed(_)));
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    let not_run = count(|outcome| matches!(outcome, Outcome::NotRun(_)));
    let mut text = String::from("\n==== summary\n");
    for line in lines {
        text += &format!("{line}\n");
    }
    text += &match not_run {
        0 => format!("{passed} passed, {failed} failed\n"),
        _ => format!("{passed} passed, {failed} failed, {not_run} not run\n"),
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &'static str, outcome: Outcome) -> Line {
        Line {
            name,
            outcome,
            seconds: 1.25,
        }
    }

    #[test]
    fn summary_lists_steps_and_counts_outcomes() {
        let lines = [
            line("fmt", Outcome::Passed(String::new())),
            line(
                "deny",
                Outcome::NotRun("cargo-deny is not installed".to_owned()),
            ),
            line("doc", Outcome::Failed("first\nsecond".to_owned())),
        ];
        let text = render(&lines);
        assert!(
            text.contains("fmt            pass        1.2 s\n"),
            "{text}"
        );
        assert!(
            text.contains("deny           NOT RUN     1.2 s  cargo-deny is not installed\n"),
            "{text}"
        );
        assert!(
            text.contains("FAIL") && text.contains("first") && !text.contains("second"),
            "{text}"
        );
        assert!(text.ends_with("1 passed, 1 failed, 1 not run\n"), "{text}");
    }
}
