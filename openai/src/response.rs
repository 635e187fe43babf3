//! Bodies of responses and chunks of streams. Fields that only a server writes are not read: other servers fill
//! them with values of other types.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use llamaglass_types::event::FinishReason;
use llamaglass_types::stats::Summary;
use llamaglass_types::timing::{RequestTiming, StepTiming};

/// A completion, or one chunk of its stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Completion {
    /// Id of the response; the same in all chunks.
    #[serde(skip_deserializing)]
    pub id: String,
    /// Type of the object.
    #[serde(skip_deserializing)]
    pub object: &'static str,
    /// Seconds since 1970.
    #[serde(skip_deserializing)]
    pub created: u64,
    /// Name of the model.
    #[serde(skip_deserializing)]
    pub model: String,
    /// The completions, or what this chunk adds to them.
    pub choices: Vec<Choice>,
    /// Token counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Start of the prompt's prefill. Only our own server sends it, on request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<PrefillStart>,
    /// Prefill chunk that yields no text. Only our own server sends it, on request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefill: Option<PrefillProgress>,
    /// Timing of the token. Only our own server sends it, on request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timing: Option<TokenTiming>,
    /// Error that ends a stream, in place of everything else.
    #[serde(skip_serializing)]
    pub error: Option<Value>,
}

/// One of several completions, or what a chunk adds to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choice {
    /// Index of the completion.
    #[serde(skip_deserializing)]
    pub index: usize,
    /// Text of a text completion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Addition to the message of a streamed chat completion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<Delta>,
    /// Message of a chat completion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<AssistantMessage>,
    /// Log-probabilities, in the endpoint's form.
    #[serde(skip_deserializing)]
    pub logprobs: Option<Value>,
    /// Reason why the completion finished; `None` before its end.
    pub finish_reason: Option<String>,
}

/// Addition to a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Delta {
    /// Role of the author, in the first chunk.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// Text to append.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

/// Message of a completion.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AssistantMessage {
    /// Role of the author.
    #[serde(skip_deserializing)]
    pub role: &'static str,
    /// Text of the message.
    pub content: Option<String>,
    /// Refusal; our own server sends none.
    #[serde(skip_deserializing)]
    pub refusal: Option<String>,
}

/// Token counts of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Number of prompt tokens.
    pub prompt_tokens: usize,
    /// Number of sampled tokens.
    #[serde(default)]
    pub completion_tokens: usize,
    /// Sum of both.
    #[serde(skip_deserializing)]
    pub total_tokens: usize,
    /// Details about the prompt's tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens_details: Option<PromptDetails>,
    /// Statistics of each completion. Only our own server sends them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timings: Vec<Summary>,
}

impl Usage {
    /// Returns the number of prompt tokens that were in the server's cache, if the server reports it.
    pub fn cached_tokens(&self) -> Option<usize> {
        self.prompt_tokens_details.as_ref()?.cached_tokens
    }
}

/// Details about a prompt's tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptDetails {
    /// Number of tokens that were in the server's cache.
    pub cached_tokens: Option<usize>,
}

/// Start of a prompt's prefill.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrefillStart {
    /// Number of prompt tokens.
    pub prompt_tokens: usize,
    /// Number of prompt tokens that were in the server's cache.
    pub reused_tokens: usize,
    /// Time of template, tokenize, queue and schedule, on the server's clock.
    pub timing: RequestTiming,
}

/// A prefill chunk that was computed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrefillProgress {
    /// Number of prompt tokens computed so far.
    pub done_tokens: usize,
    /// Number of prompt tokens.
    pub prompt_tokens: usize,
    /// Timing of the chunk, on the server's clock.
    pub step: StepTiming,
}

/// Timing of a token.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenTiming {
    /// Id of the token.
    pub id: u32,
    /// Timing of its step, on the server's clock.
    pub step: StepTiming,
}

/// Returns the protocol's name for a finish reason.
pub const fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        // The protocol has no value for deadlines and aborts: the text is cut short in each case.
        FinishReason::Length | FinishReason::Deadline | FinishReason::Abort => "length",
    }
}
