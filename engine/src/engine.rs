//! The engine: requests in, events out, one step at a time.
//!
//! An engine owns one model on one device and answers requests one after the other. Whoever drives
//! it calls [`Engine::step`] until it is idle, and may submit or abort between steps. Nothing here
//! blocks: waiting for the device is an `await`.

mod error;
mod info;
mod load;
mod logits;
mod options;
mod sequence;
mod step;

use std::collections::VecDeque;

pub use error::EngineError;
pub use info::{ModelInfo, TypeCount, type_counts};
pub use load::{memory_ledger, probe};
pub use options::{BackendChoice, LoadOptions, LoadPhase, LoadProgress};

use crate::event::{Event, RequestId};
use crate::forward::Model;
use crate::forward::device::Failures;
use crate::platform::Stopwatch;
use crate::scheduler::Request;
use crate::tokenizer::Tokenizer;
use sequence::Sequence;

/// One model on one device, answering requests one after the other.
#[derive(Debug)]
pub struct Engine {
    model: Model,
    tokenizer: Tokenizer,
    info: ModelInfo,
    failures: Failures,
    chunk: usize,
    /// The ids whose keys and values are in the cache, from position 0.
    cached: Vec<u32>,
    queue: VecDeque<Waiting>,
    active: Option<Sequence>,
    aborted: Vec<RequestId>,
    /// Events that wait for the next step to hand them out.
    events: Vec<Event>,
    next_id: u64,
    epoch: Stopwatch,
}

#[derive(Debug)]
struct Waiting {
    id: RequestId,
    request: Request,
    since: Stopwatch,
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
        self.active.is_none() && self.queue.is_empty() && self.events.is_empty()
    }

    /// Forgets what is in the KV cache, so that the next prompt is computed from its beginning.
    pub fn clear_cache(&mut self) {
        self.cached.clear();
    }
}
