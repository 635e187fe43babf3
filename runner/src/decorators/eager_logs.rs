//! Formats log lines about each step and discards them.

use std::hint::black_box;

use llamaglass_engine::executor::{SampledToken, StageTimer, StepChunk};
use llamaglass_engine::platform::Stopwatch;
use llamaglass_engine::sampling::SamplingError;
use llamaglass_engine::timing::Span;

use super::EagerLogs;

/// Formats log lines about the sequences of each step.
#[derive(Debug)]
pub struct EagerLogger {
    logs: EagerLogs,
    /// Token ids of the sequence in each slot.
    token_ids: Vec<Vec<u32>>,
}

impl EagerLogger {
    pub const fn new(logs: EagerLogs) -> Self {
        Self {
            logs,
            token_ids: Vec::new(),
        }
    }

    /// Formats lines about a step of `chunks` and books the time as `plan`.
    pub fn log(&mut self, chunks: &[StepChunk], timer: &mut StageTimer) {
        for chunk in chunks {
            let ids = self.of_slot(chunk.slot);
            // Ids that were found in the cache are not part of any step.
            ids.resize(chunk.range.start.max(ids.len()), 0);
            ids.truncate(chunk.range.start);
            ids.extend(&chunk.token_ids);
        }
        let watch = Stopwatch::start();
        let mut lines = 0;
        while !self.logs.are_enough(lines, watch.ms()) {
            // Cycles through a line for the step and a line for each of its sequences.
            let chunk = (lines as usize % (chunks.len() + 1)).checked_sub(1);
            black_box(match chunk.and_then(|index| chunks.get(index)) {
                None => format!("step {chunks:?}"),
                Some(StepChunk { request, slot, .. }) => {
                    let (now, spans) = (timer.start_ms() + timer.ms(), timer.spans());
                    let ids = &self.token_ids[*slot];
                    format!("{request:?} at {now:.3} ms: {ids:?}, {spans:?}")
                }
            });
            lines += 1;
        }
        timer.book(Span::Plan);
    }

    /// Records the tokens that a step of `chunks` sampled.
    pub fn record(&mut self, chunks: &[StepChunk], tokens: &[Result<SampledToken, SamplingError>]) {
        let sampling = chunks.iter().filter(|chunk| chunk.sample.is_some());
        for (chunk, token) in sampling.zip(tokens) {
            if let Ok(token) = token {
                let ids = self.of_slot(chunk.slot);
                ids.resize(chunk.range.end, 0);
                ids.push(token.id);
            }
        }
    }

    fn of_slot(&mut self, slot: usize) -> &mut Vec<u32> {
        let count = self.token_ids.len().max(slot + 1);
        self.token_ids.resize_with(count, Vec::new);
        &mut self.token_ids[slot]
    }
}
