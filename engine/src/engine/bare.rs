//! Decoding by model calls alone, without scheduler, text and events: the upper bound of an engine's speed.

use std::collections::VecDeque;

use super::step::read_logits;
use super::{Engine, EngineError};
use crate::forward::{LogitRows, NextRows, Rows, SamplingMode, StepRead, queue};
use crate::platform::{Stopwatch, clock};
use crate::sampling::{HostSampler, Occurrences, SamplingError, SamplingOptions, sampling};
use crate::scheduler::answer_budget;
use crate::timing::Clock;

/// Sampled ids and their timing, from model calls alone.
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
struct Picked<'a> {
    run: BareRun,
    watch: Stopwatch,
    last_ms: f64,
    told: &'a mut dyn FnMut(u32),
}

impl Picked<'_> {
    fn push(&mut self, id: Option<u32>) -> Result<u32, SamplingError> {
        let id = id.ok_or(SamplingError::NoFiniteLogit)?;
        let now = self.watch.ms();
        if self.run.ids.is_empty() {
            self.run.prefill_ms = now;
        } else {
            self.run.steps_ms.push(now - self.last_ms);
        }
        self.last_ms = now;
        self.run.ids.push(id);
        (self.told)(id);
        Ok(id)
    }
}

impl Engine {
    /// Samples exactly `tokens` ids after `ids`, greedily and past every end id. `told` receives each id as
    /// it comes; its time counts towards the next id. Step sizes and steps in flight are those of requests.
    ///
    /// Ignores and clears the cache. No request may be running. Of the ablations, only `no_replay`,
    /// `readback_depth` and, on the reference path, `concatenated_cache` apply.
    ///
    /// # Errors
    /// [`EngineError::Busy`], [`LengthError`](crate::scheduler::LengthError) if ids and answer do not fit the
    /// context, or the device's error.
    pub async fn bare(
        &mut self,
        ids: &[u32],
        tokens: usize,
        told: &mut dyn FnMut(u32),
    ) -> Result<BareRun, EngineError> {
        self.settle().await?;
        answer_budget(ids.len(), Some(tokens), self.model.context())?;
        self.clear_cache();
        let mut picked = Picked {
            run: BareRun {
                ids: Vec::with_capacity(tokens),
                prefill_ms: 0.0,
                steps_ms: Vec::with_capacity(tokens),
                clock: clock(),
            },
            watch: Stopwatch::start(),
            last_ms: 0.0,
            told,
        };
        if self.model.picks() {
            self.bare_on_device(ids, tokens, &mut picked).await?;
        } else {
            self.bare_on_host(ids, tokens, &mut picked).await?;
        }
        Ok(picked.run)
    }

    async fn bare_on_device(
        &mut self,
        ids: &[u32],
        tokens: usize,
        picked: &mut Picked<'_>,
    ) -> Result<(), EngineError> {
        self.model.lay_out()?;
        let mut flights: VecDeque<StepRead> = VecDeque::with_capacity(self.depth);
        let steps = ids.len().div_ceil(self.chunk);
        let mut last = None;
        for step in 0..steps + tokens - 1 {
            let begin = step * self.chunk;
            let rows = if let Some(rest) = ids.get(begin..).filter(|rest| !rest.is_empty()) {
                let chunk = &rest[..rest.len().min(self.chunk)];
                let next = NextRows::of(0, begin, chunk, chunk.len() == rest.len());
                self.model.upload_rows(&next)?.rows()
            } else if self.chains {
                Rows::decode(1)
            } else {
                let position = ids.len() + step - steps;
                let next = NextRows::of(0, position, last.as_slice(), true);
                self.model.upload_rows(&next)?.rows()
            };
            self.model.advance(rows, SamplingMode::Argmax, None)?;
            flights.push_back(self.model.read_step(rows.picks, None)?);
            // If the host must know the ids, wait for this very step.
            let most = if self.chains { self.depth - 1 } else { 0 };
            last = self.land(&mut flights, most, picked).await?.or(last);
        }
        self.land(&mut flights, 0, picked).await?;
        Ok(())
    }

    /// Waits until at most `most` steps are in flight. Returns the last id received.
    async fn land(
        &self,
        flights: &mut VecDeque<StepRead>,
        most: usize,
        picked: &mut Picked<'_>,
    ) -> Result<Option<u32>, EngineError> {
        let mut last = None;
        while flights.len() > most
            && let Some(flight) = flights.pop_front()
        {
            let ids = flight.get().await?.ids;
            self.check_device()?;
            for id in ids {
                last = Some(picked.push(id)?);
            }
        }
        Ok(last)
    }

    async fn bare_on_host(
        &mut self,
        ids: &[u32],
        tokens: usize,
        picked: &mut Picked<'_>,
    ) -> Result<(), EngineError> {
        // Greedy sampling.
        let mut sampler = HostSampler::new(sampling(&SamplingOptions::default())?);
        let mut all = ids.to_vec();
        let mut position = 0;
        while picked.run.ids.len() < tokens {
            let end = all.len().min(position + self.chunk);
            let rows = if end == all.len() {
                LogitRows::Last
            } else {
                LogitRows::None
            };
            let next = NextRows::of(0, position, &all[position..end], true);
            let input = self.model.upload_rows(&next)?;
            let logits = self.model.encode(input, rows)?;
            queue::submit(self.model.device())?;
            queue::wait(self.model.device()).await?;
            self.check_device()?;
            position = end;
            if let Some(logits) = logits {
                let mut logits = read_logits(logits).await?;
                let id = sampler.pick(&mut logits, &Occurrences::default(), &[]);
                all.push(picked.push(Some(id?))?);
            }
        }
        Ok(())
    }
}
