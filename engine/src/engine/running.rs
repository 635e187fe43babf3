//! The engine's state, and its accessors between steps.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use super::issue::Flight;
use super::sequence::Sequence;
use super::{Ablations, EngineError};
use crate::constraint::Constraints;
use crate::event::{Event, RequestId};
use crate::forward::device::Failures;
use crate::forward::gpu::Gpu;
use crate::forward::{Model, Roofline, measure_roofline};
use crate::platform::Stopwatch;
use crate::scheduler::Scheduler;
use crate::tokenizer::Tokenizer;
use llamaglass_types::ModelInfo;

/// One model on one device that answers a batch of requests at a time.
#[derive(Debug)]
pub struct Engine {
    pub(super) model: Model,
    pub(super) tokenizer: Arc<Tokenizer>,
    /// Compiled formats, shared by requests.
    pub(super) constraints: Arc<Constraints>,
    pub(super) info: ModelInfo,
    pub(super) failures: Failures,
    /// Launches kernels on the GPU; `None` on the CPU backend.
    pub(super) gpu: Option<Rc<Gpu>>,
    pub(super) chunk: usize,
    /// Maximum number of steps in flight.
    pub(super) depth: usize,
    /// Value of `depth` at load, without ablations.
    pub(super) loaded_depth: usize,
    /// True if the device can begin a step from its own samples.
    pub(super) chains: bool,
    /// Ablations in effect.
    pub(super) ablations: Ablations,
    /// True once the duration of a prefill step has been measured.
    pub(super) paced: bool,
    /// Steps in flight, oldest first.
    pub(super) flights: VecDeque<Flight>,
    /// Queue, batch and KV cache blocks.
    pub(super) scheduler: Scheduler,
    /// Queued and running requests.
    pub(super) requests: HashMap<RequestId, Sequence>,
    pub(super) aborted: Vec<RequestId>,
    /// Events that the next step will return.
    pub(super) events: Vec<Event>,
    pub(super) next_id: u64,
    pub(super) epoch: Stopwatch,
}

impl Engine {
    /// Returns what is loaded, and on which backend.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Returns the model's tokenizer.
    pub fn tokenizer(&self) -> &Arc<Tokenizer> {
        &self.tokenizer
    }

    /// Ends a request, queued or running, at the next step. Unknown ids are ignored.
    pub fn abort(&mut self, request: RequestId) {
        self.aborted.push(request);
    }

    /// Returns true if there are no requests and no pending events.
    pub fn is_idle(&self) -> bool {
        self.requests.is_empty() && self.events.is_empty()
    }

    /// Measures the device's peak rates; returns `None` on the CPU backend. No request may be running.
    ///
    /// # Errors
    /// The device's error.
    pub async fn measure_roofline(&self) -> Result<Option<Roofline>, EngineError> {
        let Some(gpu) = &self.gpu else {
            return Ok(None);
        };
        let roofline = measure_roofline(gpu, &self.info.backend).await?;
        self.check_device()?;
        Ok(Some(roofline))
    }

    /// Returns true on the CPU backend, which computes operations while they are encoded and has no device to
    /// wait for.
    pub(super) const fn computes_on_cpu(&self) -> bool {
        self.gpu.is_none()
    }

    /// Clears the prefix cache, so that the next prompt is computed from its first token.
    pub fn clear_cache(&mut self) {
        self.scheduler.clear_prefix_cache();
    }

    /// Returns the time on the clock of all steps, in milliseconds since the engine was created.
    pub fn now_ms(&self) -> f64 {
        self.epoch.ms()
    }

    /// Maximum number of steps in flight.
    pub const fn readback_depth(&self) -> usize {
        self.depth
    }

    /// Returns the number of queued and of running requests.
    pub fn load_now(&self) -> (usize, usize) {
        let waiting = self.scheduler.queue_len();
        (waiting, self.requests.len() - waiting)
    }

    /// Returns the number of KV cache blocks in use, and their total.
    pub fn blocks(&self) -> (usize, usize) {
        let pool = self.scheduler.pool();
        let total = pool.total_blocks();
        (total - pool.free_blocks(), total)
    }
}
