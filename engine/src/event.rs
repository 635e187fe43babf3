//! What the engine tells its callers: the page, the terminal, the server and reports all read this.

use serde::{Deserialize, Serialize};

pub use crate::scheduler::RequestId;
use crate::timing::{RequestTiming, StepTiming};

/// Natural logarithms of the probabilities that the model itself gave, before any setting of the
/// sampling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenLogprobs {
    /// Of the id that was picked.
    pub logprob: f32,
    /// The most probable ids and theirs, most probable first.
    pub top: Vec<(u32, f32)>,
}

/// One thing that happened to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The request was accepted and waits for its turn; one that was not fails at once.
    Queued {
        /// The request.
        request: RequestId,
    },
    /// The prompt is tokenised and its prefill begins.
    Started {
        /// The request.
        request: RequestId,
        /// Ids of the whole prompt.
        prompt_tokens: usize,
        /// How many of them were still in the KV cache and are not computed again.
        reused_tokens: usize,
        /// Template, tokenize, queue and schedule.
        timing: RequestTiming,
    },
    /// Others needed its blocks of the KV cache: it waits again, and then goes on where it was, after what
    /// is not in the cache any more was computed again.
    Preempted {
        /// The request.
        request: RequestId,
    },
    /// A chunk of the prompt was computed (not the last one, which yields the first token).
    Prefill {
        /// The request.
        request: RequestId,
        /// Prompt ids in the KV cache so far.
        done_tokens: usize,
        /// Ids of the whole prompt.
        prompt_tokens: usize,
        /// The chunk's timing.
        timing: StepTiming,
    },
    /// One token was picked.
    Token {
        /// The request.
        request: RequestId,
        /// The token's id.
        id: u32,
        /// The text that this token completed; empty while a UTF-8 sequence or a possible stop
        /// string is still open. The texts of all events, joined, are the answer.
        text: String,
        /// Logarithms of probabilities, where the request asked for them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        logprobs: Option<TokenLogprobs>,
        /// The step's timing.
        timing: StepTiming,
    },
    /// The request ended well (an abort ends well too).
    Done {
        /// The request.
        request: RequestId,
        /// The rest of the text, where something was held back.
        text: String,
        /// What it cost.
        usage: Usage,
        /// Why it ended.
        finish_reason: FinishReason,
    },
    /// The request ended with an error; the engine goes on.
    Failed {
        /// The request.
        request: RequestId,
        /// What went wrong, in words.
        error: String,
        /// Whose fault it was.
        #[serde(default)]
        fault: Fault,
    },
}

impl Event {
    /// The request this event belongs to.
    pub const fn request(&self) -> RequestId {
        match self {
            Self::Queued { request }
            | Self::Preempted { request }
            | Self::Started { request, .. }
            | Self::Prefill { request, .. }
            | Self::Token { request, .. }
            | Self::Done { request, .. }
            | Self::Failed { request, .. } => *request,
        }
    }

    /// Returns the bytes of memory that the event takes.
    pub const fn size_bytes(&self) -> usize {
        let heap = match self {
            Self::Token { text, logprobs, .. } => {
                let top = match logprobs {
                    Some(logprobs) => logprobs.top.capacity() * size_of::<(u32, f32)>(),
                    None => 0,
                };
                text.capacity() + top
            }
            Self::Done { text, .. } => text.capacity(),
            Self::Failed { error, .. } => error.capacity(),
            Self::Queued { .. }
            | Self::Started { .. }
            | Self::Preempted { .. }
            | Self::Prefill { .. } => 0,
        };
        size_of::<Self>() + heap
    }

    /// Whether no event of this request follows.
    pub const fn is_last(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Failed { .. })
    }
}

/// Whose fault an error was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The engine's, or the device's under it.
    #[default]
    Engine,
    /// The request's: it can't be answered as it is.
    Request,
}

/// Token counts of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Ids of the prompt.
    pub prompt_tokens: usize,
    /// Prompt ids that came from the KV cache.
    pub reused_tokens: usize,
    /// Ids picked, the end id included.
    pub completion_tokens: usize,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// An end id or a stop string.
    Stop,
    /// `max_tokens` or the context's end.
    Length,
    /// The caller asked for it.
    Abort,
    /// The request's deadline passed.
    Deadline,
}

impl FinishReason {
    /// The reason's name as reports and servers spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Abort => "abort",
            Self::Deadline => "deadline",
        }
    }
}
