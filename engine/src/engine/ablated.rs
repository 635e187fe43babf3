//! Steps that are slower on purpose: the engine's part of the ablations.

use std::hint::black_box;

use super::ablations::{Ablations, EagerLogs};
use super::laps::Laps;
use super::load::DEPTH_MAX;
use super::sequence::Pick;
use super::step::{nothing_to_compute, read_logits};
use super::{Engine, EngineError};
use crate::event::RequestId;
use crate::platform::Stopwatch;
use crate::sampling::SamplingError;
use crate::scheduler::{Lack, Limits, ScheduledChunk};
use crate::timing::Span;
use crate::trace;

/// Maximum number of log lines per step.
const LINES_MAX: u32 = 100_000;
/// Maximum time for formatting log lines per step, in milliseconds.
const FOR_MS_MAX: f64 = 10_000.0;

impl EagerLogs {
    /// Returns true if `lines` lines, which took `ms`, are enough.
    fn are_enough(self, lines: u32, ms: f64) -> bool {
        match self {
            Self::Lines(most) => lines >= most,
            Self::ForMs(most) => ms >= most,
        }
    }

    /// Returns why the value is invalid, or `None`.
    fn fault(self) -> Option<String> {
        match self {
            Self::Lines(lines) if lines > LINES_MAX => Some(format!(
                "{lines} lines a step are more than the {LINES_MAX} there may be"
            )),
            Self::ForMs(ms) if !(0.0..=FOR_MS_MAX).contains(&ms) => {
                Some(format!("{ms} ms a step are not within 0 to {FOR_MS_MAX}"))
            }
            _ => None,
        }
    }
}

impl Engine {
    /// Returns the ablations in effect.
    pub const fn ablations(&self) -> Ablations {
        self.ablations
    }

    /// Replaces the ablations in effect. Drops steps in flight for requests that have ended; to wait for
    /// them, call [`Engine::settle`] before.
    ///
    /// # Errors
    /// [`EngineError::Busy`] while requests are queued or running, [`EngineError::NoAblation`] if one is not
    /// available here. Nothing changes then.
    pub fn set_ablations(&mut self, ablations: Ablations) -> Result<(), EngineError> {
        self.check_free("set ablations")?;
        self.check_ablations(&ablations)?;
        let Ablations {
            pad_to,
            concatenated_cache,
            host_pick,
            no_replay,
            readback_depth,
            ..
        } = ablations;
        self.flights.clear();
        self.scheduler.set_limits(Limits {
            can_chain: self.chains && !host_pick,
            pad_to: pad_to.map(|ids| ids.min(self.model.context())),
            moves: concatenated_cache && self.model.picks(),
            ..self.scheduler.limits()
        });
        self.model.set_concatenates(concatenated_cache);
        self.model.set_replays(!no_replay);
        self.depth = readback_depth.unwrap_or(self.loaded_depth);
        self.ablations = ablations;
        Ok(())
    }

    /// Number of decode steps since the load that were recorded rather than replayed, on the fast path.
    pub fn recordings(&self) -> u64 {
        self.model.recordings()
    }

    /// Waits for steps in flight of requests that have ended. No request may be running.
    ///
    /// # Errors
    /// [`EngineError::Busy`], or the device's error.
    pub async fn settle(&mut self) -> Result<(), EngineError> {
        self.check_free("wait for the device")?;
        while let Some(flight) = self.flights.pop_front() {
            flight.read.get().await?;
        }
        Ok(self.check_device()?)
    }

    /// Returns an error that names the operation `what` if requests are queued or running.
    pub(super) fn check_free(&self, what: &'static str) -> Result<(), EngineError> {
        match self.requests.len() {
            0 => Ok(()),
            requests => Err(EngineError::Busy { what, requests }),
        }
    }

    fn check_ablations(&self, ablations: &Ablations) -> Result<(), EngineError> {
        let refused = |ablation, why: String| Err(EngineError::NoAblation { ablation, why });
        let Ablations {
            eager_logs,
            host_pick,
            no_replay,
            readback_depth,
            ..
        } = *ablations;
        if let Some(why) = eager_logs.and_then(|logs| logs.fault()) {
            return refused("eager_logs", why);
        }
        let of_device = [
            (
                host_pick,
                "host_pick",
                "it is already so: the host picks from logits that are copied there",
            ),
            (no_replay, "no_replay", "nothing is replayed"),
            (
                readback_depth.is_some(),
                "readback_depth",
                "each step is waited for",
            ),
        ];
        let here = if self.info.stub.has_random_logits() {
            Some("with random logits")
        } else if !self.model.picks() {
            Some("on the reference path")
        } else {
            None
        };
        if let Some(here) = here {
            let wanted = of_device.into_iter().find(|(wanted, ..)| *wanted);
            return match wanted {
                Some((_, ablation, why)) => refused(ablation, format!("{here} {why}")),
                None => Ok(()),
            };
        }
        let Some(depth) = readback_depth else {
            return Ok(());
        };
        if !(1..=DEPTH_MAX).contains(&depth) {
            let why = format!("{depth} steps can't be issued ahead, but 1 to {DEPTH_MAX}");
            return refused("readback_depth", why);
        }
        if depth > 1 && (host_pick || !self.chains) {
            let why = if host_pick {
                "with host_pick each step waits for the host"
            } else {
                "each step waits for the host, which looks the embeddings up"
            };
            return refused("readback_depth", why.into());
        }
        Ok(())
    }

    /// Formats log lines about the step, if the ablation is on, and discards them.
    pub(super) fn log_eagerly(&self, laps: &mut Laps) {
        let Some(logs) = self.ablations.eager_logs else {
            return;
        };
        let parts: Vec<&[ScheduledChunk]> =
            self.flights.iter().map(|flight| &*flight.parts).collect();
        let running: Vec<RequestId> = self.scheduler.running().collect();
        let watch = Stopwatch::start();
        let mut lines = 0;
        while !logs.are_enough(lines, watch.ms()) {
            // Cycles through a line for the step and a line for each running request.
            let request = (lines as usize % (running.len() + 1)).checked_sub(1);
            let request = request.and_then(|index| running.get(index));
            black_box(match request {
                None => format!("step {parts:?} of {running:?}"),
                Some(request) => {
                    let ids = self.scheduler.tokens(*request);
                    let spans = self.requests.get(request).map(|sequence| sequence.spans);
                    let now = self.epoch.ms();
                    format!("{request:?} at {now:.3} ms: {ids:?}, {spans:?}")
                }
            });
            lines += 1;
        }
        laps.book(Span::Plan);
    }

    /// Runs one step on the device, reads all logits back and samples on the host.
    pub(super) async fn advance_and_pick(&mut self) -> Result<(), EngineError> {
        let mut laps = Laps::start(self.epoch.ms());
        self.log_eagerly(&mut laps);
        let begin = laps.ms();
        let step = self.scheduler.plan(false);
        self.prepare(&step, laps.ms() - begin)?;
        laps.book(Span::Plan);
        let parts = step.tiled_first();
        if parts.is_empty() {
            return Err(nothing_to_compute());
        }
        let input = self.model.upload_rows(&self.rows_of(&parts))?;
        laps.book(Span::Upload);
        let logits = self.model.encode_picked(input.rows())?;
        laps.book(Span::Encode);
        let read = self.model.read_step(0, None)?;
        laps.book(Span::Submit);
        let timing = read.get().await?.timing;
        self.check_device()?;
        laps.book(Span::Gpu);
        timing.as_ref().inspect(|timing| trace::device(timing));
        laps.device = timing;
        let mut picks: Vec<Result<Pick, SamplingError>> = Vec::new();
        if let Some(logits) = logits {
            let mut logits = read_logits(logits).await?;
            laps.book(Span::Readback);
            let rows = logits.chunks_exact_mut(self.model.config().vocab_size);
            for (part, logits) in parts.iter().filter(|part| part.samples).zip(rows) {
                if let Some(sequence) = self.requests.get_mut(&part.request) {
                    picks.push(sequence.pick(logits));
                }
            }
            laps.book(Span::Sample);
        }
        self.take_in(laps, &parts, picks);
        Ok(())
    }
}

/// Returns an error if there were too few free blocks to move a sequence.
pub(super) fn check_lack(lack: Option<Lack>) -> Result<(), EngineError> {
    let Some(Lack { wanted, free }) = lack else {
        return Ok(());
    };
    Err(EngineError::NoAblation {
        ablation: "concatenated_cache",
        why: format!(
            "a copy of what a request has takes {wanted} blocks of the KV cache, and {free} are free: load the model with more, or ask for less"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eager_logs_are_limited_in_lines_and_time() {
        for good in [
            EagerLogs::Lines(0),
            EagerLogs::Lines(LINES_MAX),
            EagerLogs::ForMs(0.0),
            EagerLogs::ForMs(7.0),
        ] {
            assert_eq!(good.fault(), None);
        }
        for bad in [
            EagerLogs::Lines(u32::MAX),
            EagerLogs::ForMs(f64::INFINITY),
            EagerLogs::ForMs(f64::NAN),
            EagerLogs::ForMs(-1.0),
        ] {
            assert!(bad.fault().is_some(), "{bad:?}");
        }
    }
}
