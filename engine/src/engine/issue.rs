//! Issuing steps to a device that picks, before what was issued has come.

use std::ops::Range;

use super::laps::Laps;
use super::sequence::Sequence;
use super::step::nothing_to_compute;
use super::{Engine, EngineError};
use crate::event::RequestId;
use crate::forward::{NextRow, PickWay, Rows, StepRead};
use crate::scheduler::{Plan, Progress, plan};
use crate::timing::Span;

/// A step that was issued to the device and not yet waited for.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) rows: Vec<FlightRows>,
    /// When it was issued, in milliseconds since the engine was made.
    pub(super) issued_ms: f64,
    /// Whether it picks a token for each of its rows.
    pub(super) picks: bool,
    pub(super) read: StepRead,
}

/// What a step computes of one request.
#[derive(Debug)]
pub(super) struct FlightRows {
    pub(super) request: RequestId,
    /// Positions.
    pub(super) range: Range<usize>,
}

impl Engine {
    /// Issues the next step: of a prompt, or else of every answer that needs one. Whether there was
    /// one that could be issued before what is on its way has come.
    pub(super) fn issue(&mut self, laps: &mut Laps) -> Result<bool, EngineError> {
        let prompt = |sequence: &Sequence| sequence.issued < sequence.prompt_tokens();
        match self.active.iter().position(prompt) {
            Some(index) => self.issue_prefill(index, laps).map(|()| true),
            None => self.issue_decode(laps),
        }
    }

    fn issue_prefill(&mut self, index: usize, laps: &mut Laps) -> Result<(), EngineError> {
        let sequence = &mut self.active[index];
        let progress = Progress {
            cached: sequence.issued,
            known: sequence.prompt_tokens(),
        };
        let Plan { range, picks } = plan(progress, self.chunk).ok_or_else(nothing_to_compute)?;
        laps.book(Span::Plan);
        if picks {
            let (sampling, occurrences) = sequence.sampling();
            self.model.begin(sequence.slot, sampling, occurrences)?;
        }
        let rows: Vec<NextRow> = range.clone().map(|at| sequence.row(at)).collect();
        let input = self.model.upload_rows(&rows, picks.into())?;
        laps.book(Span::Upload);
        // From here on the cache is written.
        self.cached[sequence.slot].truncate(range.start);
        let way = picks.then(|| sequence.pick_way());
        let top = sequence.logprobs.filter(|_| picks);
        self.model.advance(input.rows(), way, top)?;
        laps.book(Span::Encode);
        sequence.issued = range.end;
        sequence.picks_issued += usize::from(picks);
        self.chained.clear();
        if picks {
            self.chained.push(sequence.id);
        }
        let rows = vec![FlightRows {
            request: sequence.id,
            range,
        }];
        self.launched(rows, picks, top, laps)
    }

    fn issue_decode(&mut self, laps: &mut Laps) -> Result<bool, EngineError> {
        let next = || self.active.iter().filter(|sequence| sequence.may_pick());
        let count = next().count();
        // Where the same requests go on, the device has their next ids before the host does.
        let chains = self.model.chains() && next().map(|s| s.id).eq(self.chained.iter().copied());
        let known = next().all(|sequence| sequence.issued < sequence.ids.len());
        laps.book(Span::Plan);
        if count == 0 || !(chains || known) {
            return Ok(false);
        }
        let top = next().filter_map(|sequence| sequence.logprobs).max();
        let sampled = next().any(|sequence| sequence.pick_way() == PickWay::Sample);
        let rows = if chains {
            Rows::Decode(count)
        } else {
            let rows: Vec<NextRow> = next()
                .map(|sequence| sequence.row(sequence.issued))
                .collect();
            let input = self.model.upload_rows(&rows, count)?;
            laps.book(Span::Upload);
            input.rows()
        };
        let way = if sampled {
            PickWay::Sample
        } else {
            PickWay::Argmax
        };
        self.model.advance(rows, Some(way), top)?;
        laps.book(Span::Encode);
        self.chained.clear();
        let mut rows = Vec::with_capacity(count);
        for sequence in self
            .active
            .iter_mut()
            .filter(|sequence| sequence.may_pick())
        {
            let range = sequence.issued..sequence.issued + 1;
            // From here on the cache is written.
            self.cached[sequence.slot].truncate(range.start);
            sequence.issued = range.end;
            sequence.picks_issued += 1;
            self.chained.push(sequence.id);
            rows.push(FlightRows {
                request: sequence.id,
                range,
            });
        }
        self.launched(rows, true, top, laps).map(|()| true)
    }

    /// Submits what was issued.
    fn launched(
        &mut self,
        rows: Vec<FlightRows>,
        picks: bool,
        top: Option<usize>,
        laps: &mut Laps,
    ) -> Result<(), EngineError> {
        let count = if picks { rows.len() } else { 0 };
        self.flights.push_back(Flight {
            rows,
            issued_ms: laps.start_ms(),
            picks,
            read: self.model.read_step(count, top)?,
        });
        laps.book(Span::Submit);
        Ok(())
    }
}
