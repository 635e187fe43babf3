//! Queued requests and their order.

use std::cmp::Reverse;

use super::RequestId;

/// A request as the scheduler sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct QueuedRequest {
    /// Id of the request.
    pub id: RequestId,
    /// Priority; larger values go first, and requests of equal priority go in order of arrival.
    pub priority: i32,
    /// Token ids of the prompt, followed by those sampled so far.
    pub tokens: Vec<u32>,
    /// Maximum number of tokens in prompt and completion together; at most the context length.
    pub max_len: usize,
    /// True if the host must know each sample before it can submit the next step, as for constrained output.
    pub waits_for_samples: bool,
    /// Time at which the request expires, in milliseconds on the clock passed to
    /// [`Scheduler::expired`](super::Scheduler::expired).
    pub deadline_ms: Option<f64>,
}

/// Position in the queue: highest priority first, then earliest arrival.
pub(super) type QueueKey = (Reverse<i32>, u64);

#[derive(Clone, Debug)]
pub(super) struct QueueEntry {
    pub request: QueuedRequest,
    /// True if the request ran before and was preempted.
    pub resumed: bool,
}
