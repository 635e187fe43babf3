//! The engine's state, and its accessors between steps.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use super::EngineError;
use super::sequence::Sequence;
use crate::constraint::Constraints;
use crate::event::{Event, RequestId};
use crate::executor::{Capabilities, Diagnostics, Executor, StageTimer, Vacant};
use crate::forward::device::Failures;
use crate::forward::gpu::Gpu;
use crate::forward::{Roofline, measure_roofline};
use crate::platform::Stopwatch;
use crate::scheduler::{Limits, Policy, ScheduledChunk, Scheduler};
use crate::tokenizer::Tokenizer;
use llamaglass_types::ModelInfo;

/// One model on one device that answers a batch of requests at a time.
#[derive(Debug)]
pub struct Engine {
    /// Computes the steps.
    pub(super) executor: Box<dyn Executor>,
    /// Capabilities of `executor`.
    pub(super) capabilities: Capabilities,
    pub(super) tokenizer: Arc<Tokenizer>,
    /// Compiled formats, shared by requests.
    pub(super) constraints: Arc<Constraints>,
    pub(super) info: ModelInfo,
    pub(super) failures: Failures,
    /// Launches kernels on the GPU; `None` on the CPU backend.
    pub(super) gpu: Option<Rc<Gpu>>,
    /// Parts of each step in flight in row order, oldest step first.
    pub(super) in_flight: VecDeque<Vec<ScheduledChunk>>,
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

    /// Measures the peak rates of the GPU, or of the CPU at each number of threads. Returns `None` if burn's
    /// operations run on the CPU. No request may be running.
    ///
    /// # Errors
    /// The device's error, or [`ForwardError`](crate::forward::ForwardError) if the CPU has no memory to measure.
    pub async fn measure_roofline(&mut self) -> Result<Option<Roofline>, EngineError> {
        let Some(gpu) = &self.gpu else {
            return Ok(self.executor.diagnostics().roofline().await?);
        };
        let roofline = measure_roofline(gpu, &self.info.backend).await?;
        self.failures.check()?;
        Ok(Some(roofline))
    }

    /// Clears the prefix cache, so that the next prompt is computed from its first token.
    pub fn clear_cache(&mut self) {
        self.scheduler.clear_prefix_cache();
    }

    /// Returns the time on the clock of all steps, in milliseconds since the engine was created.
    pub fn now_ms(&self) -> f64 {
        self.epoch.ms()
    }

    /// Returns what the executor can do.
    pub const fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// Returns the executor.
    pub fn executor(&self) -> &dyn Executor {
        &*self.executor
    }

    /// Returns what measurements need of the executor besides steps. No request may be running.
    pub fn diagnostics(&mut self) -> &mut dyn Diagnostics {
        self.executor.diagnostics()
    }

    /// Replaces the executor by the one that `map` returns, usually a decorator around it. Drops steps in
    /// flight for requests that have ended; to wait for them, call [`Engine::settle`] before.
    ///
    /// # Errors
    /// [`EngineError::Busy`] while requests are queued or running.
    pub fn map_executor(
        &mut self,
        map: impl FnOnce(Box<dyn Executor>) -> Box<dyn Executor>,
    ) -> Result<(), EngineError> {
        self.check_idle("change the executor")?;
        self.clear_in_flight();
        let executor: Box<dyn Executor> = Box::new(Vacant);
        self.executor = map(std::mem::replace(&mut self.executor, executor));
        self.capabilities = self.executor.capabilities();
        let policy = self.scheduler.limits().policy;
        self.scheduler
            .set_limits(limits(&self.capabilities, policy));
        Ok(())
    }

    /// Waits for steps in flight of requests that have ended. No request may be running.
    ///
    /// # Errors
    /// [`EngineError::Busy`], or the device's error.
    pub async fn settle(&mut self) -> Result<(), EngineError> {
        self.check_idle("wait for the device")?;
        let mut timer = StageTimer::start(self.epoch.ms());
        while self.in_flight.pop_front().is_some() {
            self.executor.wait(&mut timer).await?;
        }
        Ok(self.failures.check()?)
    }

    /// Returns an error that names the operation `what` if requests are queued or running.
    pub(super) fn check_idle(&self, what: &'static str) -> Result<(), EngineError> {
        match self.requests.len() {
            0 => Ok(()),
            requests => Err(EngineError::Busy { what, requests }),
        }
    }

    /// Drops the steps in flight.
    pub(super) fn clear_in_flight(&mut self) {
        self.in_flight.clear();
        self.executor.clear();
    }

    /// Returns true if a request of the step is still running.
    pub(super) fn is_wanted(&self, step: &[ScheduledChunk]) -> bool {
        let wanted = |part: &ScheduledChunk| self.requests.contains_key(&part.request);
        step.iter().any(wanted)
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

/// Returns the scheduler's limits for an executor.
pub(super) const fn limits(capabilities: &Capabilities, policy: Policy) -> Limits {
    Limits {
        slots: capabilities.slots,
        rows: capabilities.rows,
        tile_rows: capabilities.tile,
        can_chain: capabilities.chained,
        policy,
    }
}
