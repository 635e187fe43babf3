//! Steps with random logits, which measure what a step costs around the model.

use super::laps::Laps;
use super::random_logits::random_logits;
use super::sequence::Pick;
use super::step::nothing_to_compute;
use super::{Engine, EngineError};
use crate::forward::queue;
use crate::sampling::SamplingError;
use crate::scheduler::ScheduledChunk;
use crate::timing::Span;
use llamaglass_types::StubLevel;

impl Engine {
    /// Sets the stub level, which says how much of a request's path is executed. Clears the cache.
    ///
    /// # Errors
    /// [`EngineError::Busy`] while requests are queued or running; [`EngineError::NotThisStub`] if the level
    /// needs random weights and the engine has its own, or the other way round.
    pub fn set_stub(&mut self, level: StubLevel) -> Result<(), EngineError> {
        self.check_free("set a stub level")?;
        let random = |level: StubLevel| level == StubLevel::RandomWeights;
        if random(level) != random(self.info.stub) {
            return Err(EngineError::NotThisStub {
                level,
                loaded: self.info.stub,
            });
        }
        self.flights.clear();
        self.clear_cache();
        self.info.stub = level;
        Ok(())
    }

    /// Runs one step up to where `level` cuts it off, then samples from random logits on the host.
    pub(super) async fn advance_stubbed(&mut self, level: StubLevel) -> Result<(), EngineError> {
        let mut laps = Laps::start(self.epoch.ms());
        self.log_eagerly(&mut laps);
        let begin = laps.ms();
        let step = self.scheduler.plan(false);
        self.prepare(&step, laps.ms() - begin)?;
        let parts = step.tiled_first();
        laps.book(Span::Plan);
        if parts.is_empty() {
            return Err(nothing_to_compute());
        }
        // Batch the parts as each path does: all at once on the fast path, one by one on the reference path.
        let at_once = if self.model.picks() { parts.len() } else { 1 };
        for parts in parts.chunks(at_once) {
            let rows = self.rows_of(parts);
            let input = self.model.upload_rows(&rows)?;
            laps.book(Span::Upload);
            if level == StubLevel::FirstKernel {
                self.model.encode_first(input);
                laps.book(if self.computes_on_cpu() {
                    Span::Compute
                } else {
                    Span::Encode
                });
            }
            if self.computes_on_cpu() {
                continue;
            }
            self.model.flush()?;
            laps.book(Span::Submit);
            if level == StubLevel::FirstKernel {
                queue::wait(self.model.device()).await?;
                laps.book(Span::Gpu);
            }
        }
        self.check_device()?;
        let picking = parts.iter().filter(|part| part.samples);
        let picking: Vec<&ScheduledChunk> = picking.collect();
        let vocab = self.model.config().vocab_size;
        let mut picks: Vec<Result<Pick, SamplingError>> = Vec::with_capacity(picking.len());
        for part in picking {
            if let Some(sequence) = self.requests.get_mut(&part.request) {
                let mut logits = random_logits(vocab, part.request, part.range.end);
                picks.push(sequence.pick(&mut logits));
            }
        }
        laps.book(Span::Sample);
        self.take_in(laps, &parts, picks);
        Ok(())
    }
}
