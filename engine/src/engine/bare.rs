//! Decoding by calls of the executor alone, without scheduler, text and events: the upper bound of an engine's
//! speed.

use super::{Engine, EngineError};
use crate::event::RequestId;
use crate::executor::{SampleOptions, SlotSampler, StageTimer, StepChunk, StepInput};
use crate::platform::{Stopwatch, clock};
use crate::sampling::{SamplingOptions, sampling};
use crate::scheduler::{Step, TableEntry, answer_budget};
use crate::timing::Clock;

/// Sampled ids and their timing, from calls of the executor alone.
#[derive(Clone, Debug, PartialEq)]
pub struct BareRun {
    /// Sampled ids.
    pub ids: Vec<u32>,
    /// Milliseconds from the call to the first id.
    pub prefill_ms: f64,
    /// Milliseconds from each id to the next.
    pub steps_ms: Vec<f64>,
    /// Clock of all times.
    pub clock: Clock,
}

/// The run so far.
struct Progress<'a> {
    run: BareRun,
    watch: Stopwatch,
    last_ms: f64,
    /// Number of steps in flight.
    in_flight: usize,
    visit: &'a mut dyn FnMut(u32),
}

impl Progress<'_> {
    fn push(&mut self, id: u32) {
        let now = self.watch.ms();
        if self.run.ids.is_empty() {
            self.run.prefill_ms = now;
        } else {
            self.run.steps_ms.push(now - self.last_ms);
        }
        self.last_ms = now;
        self.run.ids.push(id);
        (self.visit)(id);
    }
}

impl Engine {
    /// Samples exactly `tokens` ids after `ids`, greedily and past every end id. `visit` receives each id as
    /// it comes; its time counts towards the next id. Step sizes and steps in flight are those of requests.
    ///
    /// Ignores and clears the cache. No request may be running.
    ///
    /// # Errors
    /// [`EngineError::Busy`], [`LengthError`](crate::scheduler::LengthError) if ids and answer do not fit the
    /// context, or the device's error.
    pub async fn bare(
        &mut self,
        ids: &[u32],
        tokens: usize,
        visit: &mut dyn FnMut(u32),
    ) -> Result<BareRun, EngineError> {
        self.settle().await?;
        answer_budget(ids.len(), Some(tokens), self.info.context_length)?;
        self.clear_cache();
        let mut progress = Progress {
            run: BareRun {
                ids: Vec::with_capacity(tokens),
                prefill_ms: 0.0,
                steps_ms: Vec::with_capacity(tokens),
                clock: clock(),
            },
            watch: Stopwatch::start(),
            last_ms: 0.0,
            in_flight: 0,
            visit,
        };
        let ran = self.run_bare(ids, tokens, &mut progress).await;
        if ran.is_err() {
            self.clear_in_flight();
        }
        ran.map(|()| progress.run)
    }

    async fn run_bare(
        &mut self,
        ids: &[u32],
        tokens: usize,
        progress: &mut Progress<'_>,
    ) -> Result<(), EngineError> {
        self.lay_out()?;
        let (rows, depth) = (self.capabilities.rows, self.capabilities.depth);
        let chained = self.capabilities.chained;
        let prompts = ids.len().div_ceil(rows);
        for step in 0..prompts + tokens - 1 {
            let begin = (step * rows).min(ids.len());
            let end = ids.len().min(begin + rows);
            let position = (ids.len() + step).saturating_sub(prompts);
            let is_prompt = begin < end;
            let (range, token_ids) = match progress.run.ids.last() {
                _ if is_prompt => (begin..end, ids[begin..end].to_vec()),
                Some(last) if !chained => (position..position + 1, vec![*last]),
                _ => (position..position + 1, Vec::new()),
            };
            let chunk = StepChunk {
                request: RequestId(0),
                slot: 0,
                range,
                token_ids,
                sample: (end == ids.len()).then_some(SampleOptions::GREEDY),
            };
            let mut timer = StageTimer::start(self.epoch.ms());
            let mut input = StepInput::new(vec![chunk], self.scheduler.pool());
            input.chained = chained && !is_prompt;
            self.executor.submit(input, &mut timer)?;
            progress.in_flight += 1;
            // If the host must know the ids, wait for this very step.
            let most = if chained { depth - 1 } else { 0 };
            self.wait_until(most, progress, &mut timer).await?;
        }
        let mut timer = StageTimer::start(self.epoch.ms());
        self.wait_until(0, progress, &mut timer).await
    }

    /// Waits until at most `most` steps are in flight.
    async fn wait_until(
        &mut self,
        most: usize,
        progress: &mut Progress<'_>,
        timer: &mut StageTimer,
    ) -> Result<(), EngineError> {
        while progress.in_flight > most {
            progress.in_flight -= 1;
            for token in self.executor.wait(timer).await?.tokens {
                progress.push(token?.id);
            }
        }
        Ok(())
    }

    /// Assigns the first blocks of the cache and a greedy sampler to the sequence in slot 0. No other
    /// sequence may be cached.
    pub(super) fn lay_out(&mut self) -> Result<(), EngineError> {
        let blocks = self.scheduler.pool().blocks_for(self.info.context_length);
        let entry = |index: usize| TableEntry {
            slot: 0,
            index,
            block: index as u32 + 1,
        };
        let plan = Step {
            table_entries: (0..blocks).map(entry).collect(),
            ..Step::default()
        };
        let sampling = sampling(&SamplingOptions::default())?;
        let greedy = SlotSampler {
            slot: 0,
            sampling: &sampling,
            draws: 0,
            occurrences: &[],
        };
        Ok(self.executor.prepare(&plan, &[greedy])?)
    }
}
