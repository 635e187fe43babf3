//! Messages that may overtake each other, put in order again; pure.

use std::collections::BTreeMap;

/// Messages by their numbers, from 0 on.
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
    /// Takes message number `index`; gives those whose turn it is now.
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
    fn what_comes_early_waits() {
        let mut order = InOrder::default();
        assert!(order.take(1, 'b').is_empty());
        assert!(order.take(2, 'c').is_empty());
        assert_eq!(order.take(0, 'a'), ['a', 'b', 'c']);
        assert_eq!(order.take(3, 'd'), ['d']);
    }
}
