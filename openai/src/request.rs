//! Bodies of requests.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use llamaglass_types::Message;

/// Parameters that chat and text completions share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CompletionParams {
    /// Name of the model.
    pub model: Option<String>,
    /// True to stream the completion.
    pub stream: Option<bool>,
    /// Options of the stream.
    pub stream_options: Option<StreamOptions>,
    /// Maximum number of tokens of the completion.
    pub max_tokens: Option<usize>,
    /// Newer name of `max_tokens`.
    pub max_completion_tokens: Option<usize>,
    /// Sampling temperature.
    pub temperature: Option<f32>,
    /// Nucleus sampling.
    pub top_p: Option<f32>,
    /// Number of completions per prompt.
    pub n: Option<usize>,
    /// Stop strings.
    pub stop: Option<Stop>,
    /// Seed of the sampler.
    pub seed: Option<i64>,
    /// Penalty on tokens in the completion.
    pub presence_penalty: Option<f32>,
    /// Penalty on tokens, per occurrence in the completion.
    pub frequency_penalty: Option<f32>,
    /// Format of the completion.
    pub response_format: Option<ResponseFormat>,
    /// Extension of many servers: number of most likely tokens to sample from; 0 and negative numbers turn it off.
    pub top_k: Option<i64>,
    /// Extension of many servers: minimum fraction of the top token's probability.
    pub min_p: Option<f32>,
    /// Extension of many servers: penalty on tokens in the prompt or completion.
    pub repetition_penalty: Option<f32>,
    /// Extension of many servers: true to continue past end-of-sequence tokens.
    pub ignore_eos: Option<bool>,
    /// Extension of some servers: priority in the queue.
    pub priority: Option<i32>,
    /// Extension of some servers: seconds after which the completion ends with the tokens so far.
    pub timeout: Option<f64>,
    /// All other fields.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// Options of a streamed completion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StreamOptions {
    /// True for a last chunk with token counts.
    pub include_usage: Option<bool>,
    /// Extension of many servers: true for token counts in every chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continuous_usage_stats: Option<bool>,
    /// Extension of our own server: true for each step's timing in its chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_timings: Option<bool>,
    /// Padding that hides the lengths of tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_obfuscation: Option<bool>,
    /// All other fields.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// Stop strings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Stop {
    /// One string.
    One(String),
    /// Several strings.
    Several(Vec<String>),
}

/// The `prompt` of a text completion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Prompt {
    /// One text.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
    /// One text as token ids.
    TokenIds(Vec<u32>),
    /// Several texts as token ids.
    SeveralTokenIds(Vec<Vec<u32>>),
}

/// One of the `messages` of a chat completion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Role of the author.
    pub role: String,
    /// Content; absent from an assistant's message with tool calls.
    pub content: Option<Content>,
    /// All other fields.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl From<&Message> for ChatMessage {
    fn from(message: &Message) -> Self {
        Self {
            role: message.role.clone(),
            content: Some(Content::Text(message.content.clone())),
            unknown: Map::new(),
        }
    }
}

/// Content of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// Parts of several types.
    Parts(Vec<ContentPart>),
}

/// Part of a message's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentPart {
    /// Type of the part, such as `text`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Text of a part of type `text`.
    pub text: Option<String>,
}

/// Format of a completion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ResponseFormat {
    /// Plain text.
    Text {},
    /// Any JSON object.
    JsonObject {},
    /// JSON that matches a schema.
    JsonSchema {
        /// The schema.
        json_schema: JsonSchema,
    },
}

/// A JSON schema with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonSchema {
    /// Name of the schema.
    pub name: String,
    /// The schema.
    pub schema: Value,
    /// True if the completion must match the schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
    /// Description of the completion for the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}
