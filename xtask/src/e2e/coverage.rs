//! Records the test ids of the controls that sessions have seen and used.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Prefixes of ids that end in an experiment's name. Using the control of one experiment counts for all:
/// Compare needs two runs, and two runs of each experiment would take minutes.
const PER_EXPERIMENT: [&str; 3] = ["lab-compare-", "lab-json-", "lab-trace-"];

/// Test ids of controls, collected while a browser is driven.
#[derive(Default)]
pub struct Coverage {
    seen: Mutex<BTreeSet<String>>,
    used: Mutex<BTreeSet<String>>,
}

impl Coverage {
    /// Records controls that are on the page.
    pub fn see(&self, ids: impl IntoIterator<Item = String>) {
        lock(&self.seen).extend(ids.into_iter().map(kind));
    }

    /// Records a control that was clicked, filled or chosen from.
    pub fn note_use(&self, id: &str) {
        lock(&self.used).insert(kind(id.to_owned()));
    }

    /// Removes all entries, after a visit to a page other than the one under test.
    pub fn clear(&self) {
        lock(&self.seen).clear();
        lock(&self.used).clear();
    }

    /// Adds what another session has seen and used.
    pub fn merge(&self, other: &Self) {
        lock(&self.seen).extend(lock(&other.seen).iter().cloned());
        lock(&self.used).extend(lock(&other.used).iter().cloned());
    }

    /// Number of different controls that were used.
    pub fn used_count(&self) -> usize {
        lock(&self.used).len()
    }

    /// Returns the controls that were seen or are expected, and never used.
    pub fn unused(&self, expected: &BTreeSet<String>) -> BTreeSet<String> {
        let all = &*lock(&self.seen) | expected;
        &all - &*lock(&self.used)
    }
}

/// Locks the set. Ignores poisoning, because the set is consistent after each change even if a session panicked.
fn lock(ids: &Mutex<BTreeSet<String>>) -> MutexGuard<'_, BTreeSet<String>> {
    ids.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Replaces the experiment's name in an id with a prefix in [`PER_EXPERIMENT`] by `NAME`.
fn kind(id: String) -> String {
    let mut prefixes = PER_EXPERIMENT.into_iter();
    match prefixes.find(|prefix| id.starts_with(prefix)) {
        Some(prefix) => format!("{prefix}NAME"),
        None => id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_lists_controls_that_no_session_used() {
        let all = Coverage::default();
        let session = Coverage::default();
        session.see(["send".to_owned(), "stop".to_owned()]);
        session.note_use("send");
        all.merge(&session);
        let expected = BTreeSet::from(["clear".to_owned(), "send".to_owned()]);
        let unused: Vec<String> = all.unused(&expected).into_iter().collect();
        assert_eq!(unused, ["clear", "stop"]);
        assert_eq!(all.used_count(), 1);
    }

    #[test]
    fn coverage_counts_a_results_buttons_once_for_all_experiments() {
        let coverage = Coverage::default();
        coverage.see(["lab-json-bare".to_owned(), "lab-run-bare".to_owned()]);
        coverage.note_use("lab-json-stats");
        let unused: Vec<String> = coverage.unused(&BTreeSet::new()).into_iter().collect();
        assert_eq!(unused, ["lab-run-bare"]);
    }
}
