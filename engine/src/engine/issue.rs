//! Submits steps to a device that samples, without waiting for the steps before them.

use super::ablated::check_lack;
use super::laps::Laps;
use super::sequence::Sequence;
use super::{Engine, EngineError};
use crate::event::Event;
use crate::forward::{NextRows, Rows, SamplingMode, StepRead};
use crate::scheduler::{BlockId, ScheduledChunk, Step};
use crate::timing::Span;

/// A step in flight: submitted to the device, and not yet read back.
#[derive(Debug)]
pub(super) struct Flight {
    /// Parts that it computes, in row order.
    pub(super) parts: Vec<ScheduledChunk>,
    /// Time of its submission, in milliseconds since the engine was created.
    pub(super) issued_ms: f64,
    pub(super) read: StepRead,
}

impl Engine {
    /// Submits the next step. Returns false if there is none, or if it depends on steps in flight.
    pub(super) fn issue(&mut self, laps: &mut Laps) -> Result<bool, EngineError> {
        let begin = laps.ms();
        let step = self.scheduler.plan(!self.flights.is_empty());
        self.prepare(&step, laps.ms() - begin)?;
        laps.book(Span::Plan);
        if step.is_empty() {
            return Ok(false);
        }
        let parts = step.tiled_first();
        let rows = if step.chained {
            Rows::decode(parts.len())
        } else {
            let input = self.model.upload_rows(&self.rows_of(&parts))?;
            laps.book(Span::Upload);
            input.rows()
        };
        if self.constrain(&parts)? {
            laps.book(Span::Upload);
        }
        let picking = parts.iter().filter(|part| part.samples);
        let picking = picking.filter_map(|part| self.requests.get(&part.request));
        let (mut mode, mut top) = (SamplingMode::Argmax, None);
        for sequence in picking {
            top = top.max(sequence.logprobs);
            if sequence.sampling_mode() == SamplingMode::Sample {
                mode = SamplingMode::Sample;
            }
        }
        self.model.advance(rows, mode, top)?;
        laps.book(Span::Encode);
        self.flights.push_back(Flight {
            parts,
            issued_ms: laps.start_ms(),
            read: self.model.read_step(rows.picks, top)?,
        });
        laps.book(Span::Submit);
        Ok(true)
    }

    /// Returns the rows of `parts`, in their order. Parts of several rows must come before those of one.
    pub(super) fn rows_of(&self, parts: &[ScheduledChunk]) -> NextRows {
        let mut rows = NextRows::default();
        for part in parts {
            let ScheduledChunk {
                request,
                slot,
                range,
                pads,
                samples,
            } = part;
            let ids = self.scheduler.tokens(*request).get(part.known());
            let ids = (ids.unwrap_or_default(), *pads);
            rows.push_padded(*slot, range.start, ids, *samples);
        }
        rows
    }

    /// Writes the token masks of constrained answers among `parts` to the device. Their masks are up to date,
    /// since the scheduler waits for their samples. Returns whether there were any.
    fn constrain(&self, parts: &[ScheduledChunk]) -> Result<bool, EngineError> {
        let mut constrained = false;
        for part in parts.iter().filter(|part| part.samples) {
            let sequence = self.requests.get(&part.request);
            if let Some(mask) = sequence.and_then(Sequence::mask) {
                self.model.constrain(part.slot, mask)?;
                constrained = true;
            }
        }
        Ok(constrained)
    }

    /// Prepares slots, blocks and events for a step. `schedule_ms` is the time that the scheduler took.
    pub(super) fn prepare(&mut self, step: &Step, schedule_ms: f64) -> Result<(), EngineError> {
        check_lack(step.lack)?;
        for request in &step.preempted {
            self.events.push(Event::Preempted { request: *request });
        }
        for (first, count) in step.copy_runs() {
            self.model.copy_blocks([first.from, first.to], count)?;
        }
        for entries in step.table_runs() {
            let blocks: Vec<BlockId> = entries.iter().map(|entry| entry.block).collect();
            self.model
                .set_blocks(entries[0].slot, entries[0].index, &blocks)?;
        }
        for admitted in &step.admitted {
            let Some(sequence) = self.requests.get_mut(&admitted.request) else {
                continue;
            };
            if self.model.picks() {
                let (sampling, occurrences) = sequence.sampling();
                self.model.begin(admitted.slot, sampling, occurrences)?;
            }
            if !admitted.resumed {
                self.events
                    .push(sequence.started(admitted.reused, schedule_ms));
            }
        }
        Ok(())
    }
}
