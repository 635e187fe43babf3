//! Restores the order of messages that may overtake each other; pure.

use std::collections::BTreeMap;

/// Holds back messages that arrive early. They are numbered from 0.
#[derive(Debug)]
pub struct InOrder<T> {
    next: u64,
    early: BTreeMap<u64, T>,
}

impl<T> Default for InOrder<T> {
    fn default() -> Self {
        Self {
            next: 0,
            early: BTreeMap::new(),
        }
    }
}

impl<T> InOrder<T> {
    /// Takes message number `index` and returns the messages that are now due, in order.
    pub fn take(&mut self, index: u64, message: T) -> Vec<T> {
        self.early.insert(index, message);
        let mut due = Vec::new();
        while let Some(message) = self.early.remove(&self.next) {
            self.next += 1;
            due.push(message);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_messages_wait_for_their_turn() {
        let mut order = InOrder::default();
        assert!(order.take(1, 'b').is_empty());
        assert!(order.take(2, 'c').is_empty());
        assert_eq!(order.take(0, 'a'), ['a', 'b', 'c']);
        assert_eq!(order.take(3, 'd'), ['d']);
    }
}
