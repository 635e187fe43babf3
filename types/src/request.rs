//! Requests to an engine.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sampling_options::SamplingOptions;

/// Identifies a request for the lifetime of its engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user`, `assistant`, or any other role that the template supports.
    pub role: String,
    /// Text of the turn.
    pub content: String,
}

/// The prompt, in one of three forms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A conversation, rendered with the model's chat template.
    Messages(Vec<Message>),
    /// Plain text, with the tokenizer's own begin id where it has one.
    Text(String),
    /// Token ids, used unchanged.
    Ids(Vec<u32>),
}

/// Format that the answer's text must follow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputFormat {
    /// Any JSON object.
    JsonObject,
    /// JSON that matches this schema.
    JsonSchema(Value),
}

/// One request for an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The prompt.
    pub input: Input,
    /// Sampling settings.
    #[serde(default)]
    pub sampling: SamplingOptions,
    /// Texts that end the answer; they are not part of it.
    #[serde(default)]
    pub stop: Vec<String>,
    /// Maximum number of tokens to sample; without it, up to the end of the context.
    #[serde(default)]
    pub max_tokens: Option<usize>,
    /// Continue past end ids, for benchmarks and parity. Has no effect on an answer with a format.
    #[serde(default)]
    pub ignore_eos: bool,
    /// Format of the answer, unless `max_tokens` or a stop text cuts it off; without it, any text.
    #[serde(default)]
    pub format: Option<OutputFormat>,
    /// Report each token's log-probability and those of this many most probable tokens, at most 20.
    #[serde(default)]
    pub logprobs: Option<usize>,
    /// Requests with larger values are admitted earlier and preempted later.
    #[serde(default)]
    pub priority: i32,
    /// Milliseconds from the request's arrival after which its answer ends, complete or not.
    #[serde(default)]
    pub deadline_ms: Option<f64>,
}

impl Request {
    /// Creates a greedy request for `input` that only the model's end ids or the context's end stop.
    pub fn new(input: Input) -> Self {
        Self {
            input,
            sampling: SamplingOptions::default(),
            stop: Vec::new(),
            max_tokens: None,
            ignore_eos: false,
            format: None,
            logprobs: None,
            priority: 0,
            deadline_ms: None,
        }
    }
}
