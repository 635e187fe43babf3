//! The engine's state, and what can be asked of it between steps.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use super::info::ModelInfo;
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

/// One model on one device, answering a batch of requests at a time.
#[derive(Debug)]
pub struct Engine {
    pub(super) model: Model,
    pub(super) tokenizer: Arc<Tokenizer>,
    /// Compiled formats, which answers share.
    pub(super) constraints: Arc<Constraints>,
    pub(super) info: ModelInfo,
    pub(super) failures: Failures,
    /// None on the CPU backend.
    pub(super) gpu: Option<Rc<Gpu>>,
    pub(super) chunk: usize,
    /// How many steps are issued before the first of them is waited for.
    pub(super) depth: usize,
    /// The same as it was loaded.
    pub(super) loaded_depth: usize,
    /// Whether a step can begin from what the device picked.
    pub(super) chains: bool,
    /// What is done worse than it could be.
    pub(super) ablations: Ablations,
    /// Whether it is known how long a prefill step takes.
    pub(super) paced: bool,
    /// The steps that were issued and not waited for, in order.
    pub(super) flights: VecDeque<Flight>,
    /// Whose turn it is, and what is in the KV cache.
    pub(super) scheduler: Scheduler,
    /// The requests that wait or are answered.
    pub(super) requests: HashMap<RequestId, Sequence>,
    pub(super) aborted: Vec<RequestId>,
    /// Events that wait for the next step to hand them out.
    pub(super) events: Vec<Event>,
    pub(super) next_id: u64,
    pub(super) epoch: Stopwatch,
}

impl Engine {
    /// What is loaded, and on what.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// The model's tokenizer.
    pub fn tokenizer(&self) -> &Arc<Tokenizer> {
        &self.tokenizer
    }

    /// Ends a request at the next step, whether it waits or runs; an unknown one is ignored.
    pub fn abort(&mut self, request: RequestId) {
        self.aborted.push(request);
    }

    /// Whether there is nothing to do and nothing to tell.
    pub fn is_idle(&self) -> bool {
        self.requests.is_empty() && self.events.is_empty()
    }

    /// What the device can do at most; nothing on the CPU backend. No request may be running.
    ///
    /// # Errors
    /// What the device says.
    pub async fn measure_roofline(&self) -> Result<Option<Roofline>, EngineError> {
        let Some(gpu) = &self.gpu else {
            return Ok(None);
        };
        let roofline = measure_roofline(gpu, &self.info.backend).await?;
        self.check_device()?;
        Ok(Some(roofline))
    }

    /// Returns true on the CPU backend: operations are computed while they are issued, and there is
    /// no device to wait for.
    pub(super) const fn computes_on_cpu(&self) -> bool {
        self.gpu.is_none()
    }

    /// Forgets what is in the KV cache, so that the next prompt is computed from its beginning.
    pub fn clear_cache(&mut self) {
        self.scheduler.forget();
    }

    /// The time on the clock of every step, in milliseconds since the engine was made.
    pub fn now_ms(&self) -> f64 {
        self.epoch.ms()
    }

    /// How many steps are issued before the first of them is waited for.
    pub const fn readback_depth(&self) -> usize {
        self.depth
    }

    /// How many requests wait for their turn, and how many are answered.
    pub fn load_now(&self) -> (usize, usize) {
        let waiting = self.scheduler.waiting();
        (waiting, self.requests.len() - waiting)
    }

    /// Blocks of the KV cache that requests hold, and how many there are.
    pub fn blocks(&self) -> (usize, usize) {
        let pool = self.scheduler.pool();
        (pool.total() - pool.free(), pool.total())
    }
}
