//! Plans a step and submits it to the executor.

use super::sequence::Sequence;
use super::{Engine, EngineError};
use crate::event::Event;
use crate::executor::{
    SampleOptions, SlotMask, SlotSampler, StageTimer, StepChunk, StepInput, StepResults,
};
use crate::scheduler::{ScheduledChunk, Step};
use crate::timing::Span;

impl Engine {
    /// Submits the next step. Returns false if there is none, or if it depends on steps in flight.
    pub(super) fn submit_step(&mut self, timer: &mut StageTimer) -> Result<bool, EngineError> {
        let begin = timer.ms();
        let plan = self.scheduler.plan(!self.in_flight.is_empty());
        self.prepare(&plan, timer.ms() - begin)?;
        timer.book(Span::Plan);
        if plan.is_empty() {
            return Ok(false);
        }
        let parts = plan.tiled_first();
        let chunks = parts.iter().map(|part| self.chunk(part, plan.chained));
        let step = StepInput {
            chunks: chunks.collect(),
            chained: plan.chained,
            masks: masks(&parts, |part| self.requests.get(&part.request)),
            results: StepResults::Tokens,
            replays: true,
            pool: self.scheduler.pool(),
        };
        self.executor.submit(step, timer)?;
        self.in_flight.push_back(parts);
        Ok(true)
    }

    /// Returns `part` with its token ids, unless only the device knows them, and its sampling mode.
    fn chunk(&self, part: &ScheduledChunk, chained: bool) -> StepChunk {
        let ids = self.scheduler.tokens(part.request).get(part.range.clone());
        let sequence = self.requests.get(&part.request);
        StepChunk {
            request: part.request,
            slot: part.slot,
            range: part.range.clone(),
            token_ids: match ids {
                Some(ids) if !chained => ids.to_vec(),
                _ => Vec::new(),
            },
            sample: part.samples.then(|| match sequence {
                Some(sequence) => SampleOptions {
                    mode: sequence.sampling_mode(),
                    logprobs: sequence.logprobs,
                },
                None => SampleOptions::GREEDY,
            }),
        }
    }

    /// Prepares slots, blocks and events for a step. `schedule_ms` is the time that the scheduler took.
    fn prepare(&mut self, plan: &Step, schedule_ms: f64) -> Result<(), EngineError> {
        let preempted = plan.preempted.iter();
        let preempted = preempted.map(|request| Event::Preempted { request: *request });
        self.events.extend(preempted);
        let admitted = plan.admitted.iter();
        let started = admitted.filter_map(|admitted| {
            let sequence = self.requests.get(&admitted.request)?;
            Some(sequence.slot_sampler(admitted.slot))
        });
        let started: Vec<SlotSampler<'_>> = started.collect();
        self.executor.prepare(plan, &started)?;
        for admitted in plan.admitted.iter().filter(|admitted| !admitted.resumed) {
            if let Some(sequence) = self.requests.get_mut(&admitted.request) {
                self.events
                    .push(sequence.started(admitted.reused, schedule_ms));
            }
        }
        Ok(())
    }
}

/// Returns the token masks of constrained sequences among `parts`. They are up to date, since the scheduler
/// waits for these sequences' samples.
fn masks<'a>(
    parts: &[ScheduledChunk],
    sequence: impl Fn(&ScheduledChunk) -> Option<&'a Sequence>,
) -> Vec<SlotMask<'a>> {
    let sampling = parts.iter().filter(|part| part.samples);
    let masks = sampling.filter_map(|part| {
        Some(SlotMask {
            slot: part.slot,
            words: sequence(part)?.mask()?,
        })
    });
    masks.collect()
}
