//! Times a step's stages on the device's clock and reads its results back.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use llamaglass_shaders::cpu::Logprobs;
use llamaglass_shaders::{MAX_TOP_LOGPROBS, NO_SAMPLE, logprob_words};
use wgpu::{BufferUsages, ComputePassTimestampWrites, QuerySet, QuerySetDescriptor, QueryType};

use super::super::error::ForwardError;
use super::super::shape::MAX_BATCH;
use super::mapping::Mapping;
use super::{Buffer, Gpu, new_buffer};
use crate::timing::{Clock, DeviceTiming};

/// Stages under which the device's time is booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceStage {
    /// From ids to logits.
    Forward,
    /// From logits to ids.
    Sampling,
}

impl DeviceStage {
    /// Returns the stage's name for debuggers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Sampling => "sampling",
        }
    }
}

/// Number of timestamps: begin and end of each stage.
const TICKS: u32 = 4;
/// Size of the timestamps in bytes.
const TICK_BYTES: u64 = 8 * TICKS as u64;

/// Byte offset of the log-probabilities, behind the ids.
const LOGPROBS_OFFSET: u64 = TICK_BYTES + 4 * MAX_BATCH as u64;

/// Returns the bytes of the log-probabilities of one sampled id and the `top` most probable ids.
const fn logprob_bytes(top: usize) -> u64 {
    4 * logprob_words(top) as u64
}

/// Decodes one sampled id's log-probabilities as the kernel wrote them.
fn logprobs_of(bytes: &[u8]) -> Logprobs {
    let (words, _) = bytes.as_chunks();
    let mut words = words.iter().map(|word| u32::from_le_bytes(*word));
    let sampled = words.next().map_or(f32::NAN, f32::from_bits);
    let mut top = Vec::with_capacity(words.len() / 2);
    while let (Some(id), Some(bits)) = (words.next(), words.next()) {
        if id != NO_SAMPLE {
            top.push((id, f32::from_bits(bits)));
        }
    }
    Logprobs { sampled, top }
}

/// Timestamp queries of a step, and staging buffers for readback.
pub struct Stages {
    queries: QuerySet,
    resolved: wgpu::Buffer,
    /// True for each stage that the step being encoded has begun.
    begun: [Cell<bool>; 2],
    /// Staging buffers that no step is using.
    idle: Rc<RefCell<Vec<wgpu::Buffer>>>,
    /// Clock of the device; `None` if it stands still.
    pub clock: Option<Clock>,
}

impl Stages {
    /// Creates the queries and buffers for steps on `device`.
    pub fn new(device: &wgpu::Device) -> Self {
        Self {
            queries: device.create_query_set(&QuerySetDescriptor {
                label: Some("stages"),
                ty: QueryType::Timestamp,
                count: TICKS,
            }),
            resolved: new_buffer(
                device,
                "stages",
                TICK_BYTES,
                BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC,
            ),
            begun: Default::default(),
            idle: Rc::default(),
            clock: None,
        }
    }

    /// Returns the timestamps that a pass of `stage` writes: its end, and its begin if it is the step's
    /// first.
    pub fn writes(&self, stage: DeviceStage) -> Option<ComputePassTimestampWrites<'_>> {
        self.clock?;
        let first = 2 * stage as u32;
        let begun = self.begun[stage as usize].replace(true);
        Some(ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: (!begun).then_some(first),
            end_of_pass_write_index: Some(first + 1),
        })
    }
}

/// A step whose results are being read back.
pub struct StepRead {
    gpu: Rc<Gpu>,
    mapping: Mapping,
    /// Number of sampled ids.
    count: usize,
    /// Number of most probable ids per sample, if log-probabilities were requested.
    top: Option<usize>,
    /// True for each stage that was timed.
    timed: [bool; 2],
}

impl std::fmt::Debug for StepRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("StepRead").finish_non_exhaustive()
    }
}

/// Results of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepResult {
    /// Sampled ids; `None` if no logit was finite.
    pub ids: Vec<Option<u32>>,
    /// Log-probabilities of each sampled id, if requested.
    pub logprobs: Vec<Logprobs>,
    /// Timing of the step on the device's clock.
    pub timing: Option<DeviceTiming>,
}

impl Gpu {
    /// Submits everything launched, followed by copies of the first `count` words of `sampled`, of the
    /// same number of `logprobs` (with their number of most probable ids), and of the stages' timestamps.
    pub fn read_step(
        self: &Rc<Self>,
        sampled: &Buffer,
        count: usize,
        logprobs: Option<(&Buffer, usize)>,
    ) -> Result<StepRead, ForwardError> {
        self.settle()?;
        let Stages {
            queries,
            resolved,
            begun,
            idle,
            ..
        } = &self.stages;
        let mut encoding = self.encoding.borrow_mut();
        let commands = encoding.finish();
        encoding.set_stage(None);
        let timed = [begun[0].take(), begun[1].take()];
        let staging = idle.borrow_mut().pop().unwrap_or_else(|| {
            let size = LOGPROBS_OFFSET + MAX_BATCH as u64 * logprob_bytes(MAX_TOP_LOGPROBS);
            let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
            new_buffer(&self.device, "step", size, usage)
        });
        // Use a separate encoder: in the encoder of the passes, some drivers resolve too early.
        let mut encoder = self.device.create_command_encoder(&Default::default());
        let ticks = match timed {
            [true, true] => TICKS,
            [true, false] => TICKS / 2,
            [false, _] => 0,
        };
        if ticks > 0 {
            let bytes = Some(8 * u64::from(ticks));
            encoder.resolve_query_set(queries, 0..ticks, resolved, 0);
            encoder.copy_buffer_to_buffer(resolved, 0, &staging, 0, bytes);
        }
        if count > 0 {
            let sampled = sampled.resource();
            let (from, bytes) = (sampled.offset, Some(4 * count as u64));
            encoder.copy_buffer_to_buffer(&sampled.buffer, from, &staging, TICK_BYTES, bytes);
        }
        if let Some((logprobs, top)) = logprobs {
            let logprobs = logprobs.resource();
            let (from, bytes) = (logprobs.offset, Some(count as u64 * logprob_bytes(top)));
            encoder.copy_buffer_to_buffer(&logprobs.buffer, from, &staging, LOGPROBS_OFFSET, bytes);
        }
        let commands = commands.into_iter().chain([encoder.finish()]);
        let submission = self.queue.submit(commands);
        Ok(StepRead {
            gpu: Rc::clone(self),
            mapping: Mapping::new(staging, submission),
            count,
            top: logprobs.map(|(_, top)| top),
            timed: timed.map(|timed| timed && ticks > 0),
        })
    }
}

impl StepRead {
    /// Waits for the step and returns its results.
    pub async fn get(self) -> Result<StepResult, ForwardError> {
        let Self {
            gpu,
            mapping,
            count,
            top,
            timed,
        } = self;
        let take = |bytes: &[u8]| {
            let (ticks, ids) = bytes.split_at(TICK_BYTES as usize);
            let (ticks, _) = ticks.as_chunks();
            let ticks: Vec<u64> = ticks.iter().map(|tick| u64::from_le_bytes(*tick)).collect();
            let (ids, _) = ids.as_chunks();
            let ids = ids.iter().map(|id| u32::from_le_bytes(*id));
            let ids = ids.map(|id| (id != NO_SAMPLE).then_some(id));
            let ids: Vec<Option<u32>> = ids.take(count).collect();
            let (_, logprobs) = bytes.split_at(LOGPROBS_OFFSET as usize);
            let logprobs = top.map(|top| {
                let all = logprobs.chunks_exact(logprob_bytes(top) as usize);
                all.take(count).map(logprobs_of).collect()
            });
            (ticks, ids, logprobs.unwrap_or_default())
        };
        let ((ticks, ids, logprobs), staging) = mapping.take(&gpu.device, take).await?;
        let stages = &gpu.stages;
        stages.idle.borrow_mut().push(staging);
        let tick_ms = gpu.tick_ms();
        let span = |stage: usize| match (timed[stage], ticks.get(2 * stage..2 * stage + 2)) {
            (true, Some([begin, end])) => span_ms(*begin, *end, tick_ms),
            _ => None,
        };
        let timing = stages
            .clock
            .zip(span(0))
            .map(|(clock, forward_ms)| DeviceTiming {
                forward_ms,
                sampling_ms: span(1).unwrap_or_default(),
                clock,
            });
        Ok(StepResult {
            ids,
            logprobs,
            timing,
        })
    }
}

/// Returns the time between two timestamps, or `None` if they were not written or are out of order.
pub(super) fn span_ms(begin: u64, end: u64, tick_ms: f64) -> Option<f64> {
    let written = begin != 0 && end >= begin;
    written.then(|| (end - begin) as f64 * tick_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn span_ms_is_none_without_valid_timestamps() {
        assert_eq!(span_ms(10, 30, 0.5), Some(10.0));
        assert_eq!(span_ms(10, 10, 0.5), Some(0.0));
        assert_eq!(span_ms(0, 30, 0.5), None);
        assert_eq!(span_ms(30, 10, 0.5), None);
    }
}
