//! Which of the page's controls sessions have seen and used, by their test ids.

use std::cell::RefCell;
use std::collections::BTreeSet;

/// Test ids of controls, collected while a browser is driven.
#[derive(Default)]
pub struct Coverage {
    seen: RefCell<BTreeSet<String>>,
    used: RefCell<BTreeSet<String>>,
}

impl Coverage {
    /// Notes controls that are on the page.
    pub fn see(&self, ids: impl IntoIterator<Item = String>) {
        self.seen.borrow_mut().extend(ids);
    }

    /// Notes a control that was clicked, filled or chosen from.
    pub fn note_use(&self, id: &str) {
        self.used.borrow_mut().insert(id.to_owned());
    }

    /// Forgets everything, for a page that is not the one that is tested.
    pub fn clear(&self) {
        self.seen.borrow_mut().clear();
        self.used.borrow_mut().clear();
    }

    /// Adds what another session has seen and used.
    pub fn merge(&self, other: &Self) {
        self.seen
            .borrow_mut()
            .extend(other.seen.borrow().iter().cloned());
        self.used
            .borrow_mut()
            .extend(other.used.borrow().iter().cloned());
    }

    /// Number of different controls that were used.
    pub fn used_count(&self) -> usize {
        self.used.borrow().len()
    }

    /// Returns the controls that were seen or are expected, and never used.
    pub fn unused(&self, expected: &BTreeSet<String>) -> BTreeSet<String> {
        let all = &*self.seen.borrow() | expected;
        &all - &*self.used.borrow()
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
}
