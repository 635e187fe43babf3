//! What a caller asks of the engine.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SamplingOptions;
use crate::tokenizer::Message;

/// A request's number, for as long as its engine lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// The prompt, in one of three forms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A conversation, rendered with the model's chat template.
    Messages(Vec<Message>),
    /// Plain text, with the tokenizer's own begin id where it has one.
    Text(String),
    /// Ids, taken as they are.
    Ids(Vec<u32>),
}

/// What an answer's text has to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputFormat {
    /// Any JSON object.
    JsonObject,
    /// JSON that this schema describes.
    JsonSchema(Value),
}

/// One request for an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The prompt.
    pub input: Input,
    /// How tokens are picked.
    #[serde(default)]
    pub sampling: SamplingOptions,
    /// Texts that end the answer; they are not part of it.
    #[serde(default)]
    pub stop: Vec<String>,
    /// The most tokens to pick; without it, up to the context's end.
    #[serde(default)]
    pub max_tokens: Option<usize>,
    /// Go on past end ids (benchmarks and parity); an answer with a format ends with it all the same.
    #[serde(default)]
    pub ignore_eos: bool,
    /// What the answer has to be, unless `max_tokens` or a stop text cuts it; any text without it.
    #[serde(default)]
    pub format: Option<OutputFormat>,
    /// Tell each token's log-probability, and those of so many of the most probable, at most 20.
    #[serde(default)]
    pub logprobs: Option<usize>,
    /// Requests of a larger one are begun before others, and lose their blocks after them.
    #[serde(default)]
    pub priority: i32,
    /// Milliseconds after which the answer ends as far as it has come.
    #[serde(default)]
    pub deadline_ms: Option<f64>,
}

impl Request {
    /// A greedy request for `input`, ended by the model's end ids only.
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
