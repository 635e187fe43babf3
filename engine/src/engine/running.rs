//! The engine's state, and what can be asked of it between steps.

use std::collections::VecDeque;
use std::rc::Rc;

use super::EngineError;
use super::info::ModelInfo;
use super::issue::Flight;
use super::sequence::Sequence;
use crate::event::{Event, RequestId};
use crate::forward::device::Failures;
use crate::forward::gpu::Gpu;
use crate::forward::{Model, Roofline, measure_roofline};
use crate::platform::Stopwatch;
use crate::scheduler::Request;
use crate::tokenizer::Tokenizer;

/// One model on one device, answering a batch of requests at a time.
#[derive(Debug)]
pub struct Engine {
    pub(super) model: Model,
    pub(super) tokenizer: Tokenizer,
    pub(super) info: ModelInfo,
    pub(super) failures: Failures,
    /// None on the CPU backend.
    pub(super) gpu: Option<Rc<Gpu>>,
    pub(super) chunk: usize,
    /// How many steps are issued before the first of them is waited for.
    pub(super) depth: usize,
    /// Whether it is known how long a prefill step takes.
    pub(super) paced: bool,
    /// The steps that were issued and not waited for, in order.
    pub(super) flights: VecDeque<Flight>,
    /// Slot by slot, the ids whose keys and values are in the cache, from position 0.
    pub(super) cached: Vec<Vec<u32>>,
    /// The requests whose next rows the device has made itself, in their order.
    pub(super) chained: Vec<RequestId>,
    pub(super) queue: VecDeque<Waiting>,
    /// In the order in which they were begun.
    pub(super) active: Vec<Sequence>,
    pub(super) aborted: Vec<RequestId>,
    /// Events that wait for the next step to hand them out.
    pub(super) events: Vec<Event>,
    pub(super) next_id: u64,
    pub(super) epoch: Stopwatch,
}

/// A request in the queue.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) id: RequestId,
    pub(super) request: Request,
    pub(super) since: Stopwatch,
}

impl Engine {
    /// What is loaded, and on what.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// The model's tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Puts a request at the end of the queue. What is wrong with it comes as [`Event::Failed`].
    pub fn submit(&mut self, request: Request) -> RequestId {
        let id = RequestId(self.next_id);
        self.next_id += 1;
        self.events.push(Event::Queued { request: id });
        self.queue.push_back(Waiting {
            id,
            request,
            since: Stopwatch::start(),
        });
        id
    }

    /// Ends a request at the next step, whether it waits or runs; an unknown one is ignored.
    pub fn abort(&mut self, request: RequestId) {
        self.aborted.push(request);
    }

    /// Whether there is nothing to do and nothing to tell.
    pub fn is_idle(&self) -> bool {
        self.active.is_empty() && self.queue.is_empty() && self.events.is_empty()
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

    /// Forgets what is in the KV cache, so that the next prompt is computed from its beginning.
    pub fn clear_cache(&mut self) {
        self.forget();
    }

    pub(super) fn forget(&mut self) {
        self.cached.iter_mut().for_each(Vec::clear);
        self.chained.clear();
    }
}
