//! Events from the engine to its callers: the page, the terminal, the server and reports.

use serde::{Deserialize, Serialize};
use strum::VariantNames as _;

pub use crate::request::RequestId;
use crate::timing::{RequestTiming, StepTiming};

/// Natural logarithms of the model's own probabilities, before any sampling setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenLogprobs {
    /// Log-probability of the sampled id.
    pub logprob: f32,
    /// Most probable ids and their log-probabilities, most probable first.
    pub top: Vec<(u32, f32)>,
}

/// An event of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(missing_docs, reason = "`request` is the same in every event")]
pub enum Event {
    /// The request was accepted into the queue. An invalid request gets only `Failed`.
    Queued { request: RequestId },
    /// The prompt is tokenised and its prefill begins.
    Started {
        request: RequestId,
        /// Number of ids in the prompt.
        prompt_tokens: usize,
        /// Number of prompt ids already in the KV cache, which are not computed again.
        reused_tokens: usize,
        /// Time spent on template, tokenizer, queue and scheduler.
        timing: RequestTiming,
    },
    /// The request lost its blocks of the KV cache to others and is queued again. It later continues where it
    /// was, after recomputing what is no longer cached.
    Preempted { request: RequestId },
    /// A chunk of the prompt was computed, but not the last one, which yields the first token.
    Prefill {
        request: RequestId,
        /// Number of prompt ids in the KV cache so far.
        done_tokens: usize,
        /// Number of ids in the prompt.
        prompt_tokens: usize,
        /// Timing of the chunk's step.
        timing: StepTiming,
    },
    /// A token was sampled.
    Token {
        request: RequestId,
        /// Id of the token.
        id: u32,
        /// Text that this token completed; empty while a UTF-8 sequence or a possible stop string is
        /// incomplete. The texts of all events, concatenated, are the answer.
        text: String,
        /// Log-probabilities, if the request asked for them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        logprobs: Option<TokenLogprobs>,
        /// Timing of the token's step.
        timing: StepTiming,
    },
    /// The request ended without an error; that includes aborts.
    Done {
        request: RequestId,
        /// Rest of the text that was held back, if any.
        text: String,
        /// Token counts.
        usage: Usage,
        /// Reason for the end.
        finish_reason: FinishReason,
    },
    /// The request ended with an error. The engine continues.
    Failed {
        request: RequestId,
        /// Error message.
        error: String,
        /// Cause of the error: the request or the engine.
        #[serde(default)]
        fault: Fault,
    },
}

impl Event {
    /// Returns the request that this event belongs to.
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

    /// Returns true if no further event of this request follows.
    pub const fn is_last(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Failed { .. })
    }
}

/// The cause of an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The engine or its device.
    #[default]
    Engine,
    /// The request, which can't be answered as it is.
    Request,
}

/// Token counts of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Number of ids in the prompt.
    pub prompt_tokens: usize,
    /// Number of prompt ids found in the KV cache.
    pub reused_tokens: usize,
    /// Number of sampled ids, including the end id.
    pub completion_tokens: usize,
}

/// The reason why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum FinishReason {
    /// An end id, a stop string, or a complete format.
    Stop,
    /// `max_tokens` or the end of the context was reached.
    Length,
    /// The caller aborted the request.
    Abort,
    /// The request's deadline passed.
    Deadline,
}

impl FinishReason {
    /// Returns the reason's name in reports and server responses.
    pub const fn name(self) -> &'static str {
        Self::VARIANTS[self as usize]
    }
}
