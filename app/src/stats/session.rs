//! Statistics of every answer.

use std::collections::BTreeMap;

use super::answer::AnswerStats;
use super::event::ReceivedEvent;
use crate::protocol::Tag;

/// Statistics of every answer since the page was opened, by the page's tag.
#[derive(Clone, Debug, Default)]
pub struct SessionStats {
    answers: BTreeMap<Tag, AnswerStats>,
}

impl SessionStats {
    /// Starts the statistics of request `tag`.
    pub fn submit(&mut self, tag: Tag, now_ms: f64, at_server: bool) {
        let answer = AnswerStats::submitted(now_ms, at_server);
        self.answers.insert(tag, answer);
    }

    /// Applies an event of request `tag`; events of a removed request are dropped.
    pub fn apply(&mut self, tag: Tag, event: &ReceivedEvent, now_ms: f64) {
        if let Some(answer) = self.answers.get_mut(&tag) {
            answer.apply(event, now_ms);
        }
    }

    /// Returns the statistics of one answer.
    pub fn get(&self, tag: Tag) -> Option<&AnswerStats> {
        self.answers.get(&tag)
    }

    /// Returns the statistics of one answer, to record its paint time or its failure.
    pub fn get_mut(&mut self, tag: Tag) -> Option<&mut AnswerStats> {
        self.answers.get_mut(&tag)
    }

    /// Removes all answers.
    pub fn clear(&mut self) {
        self.answers.clear();
    }

    /// Removes one answer.
    pub fn remove(&mut self, tag: Tag) {
        self.answers.remove(&tag);
    }
}
