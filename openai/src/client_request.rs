//! Encodes the engine's requests in OpenAI's protocol.

use serde_json::{Value, json};

use super::request::{
    ChatMessage, CompletionParams, JsonSchema, Prompt, ResponseFormat, Stop, StreamOptions,
};
use llamaglass_types::{Input, OutputFormat, Request, SamplingOptions};

/// A request to a server. Fields that are not part of OpenAI's API are sent only if they are set, so that other
/// servers don't reject them.
#[derive(Clone, Copy, Debug)]
pub struct ClientRequest<'a> {
    /// Name of the model on the server.
    pub model: &'a str,
    /// The request to send.
    pub request: &'a Request,
    /// True to stream the completion.
    pub stream: bool,
    /// True to request each step's timing in its chunk, which only our own server sends.
    pub timings: bool,
}

impl ClientRequest<'_> {
    /// Returns the endpoint's path below the server's base address.
    pub const fn path(&self) -> &'static str {
        match self.request.input {
            Input::Messages(_) => "/chat/completions",
            Input::Text(_) | Input::Ids(_) => "/completions",
        }
    }

    /// Returns the request body.
    pub fn body(&self) -> Value {
        let mut body = json!(self.params());
        if let Some(fields) = body.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        match &self.request.input {
            Input::Messages(messages) => {
                let messages = messages.iter().map(ChatMessage::from);
                body["messages"] = json!(messages.collect::<Vec<_>>());
            }
            Input::Text(text) => body["prompt"] = json!(Prompt::Text(text.clone())),
            Input::Ids(ids) => body["prompt"] = json!(Prompt::TokenIds(ids.clone())),
        }
        body
    }

    fn params(&self) -> CompletionParams {
        let request = self.request;
        let sampling = &request.sampling;
        let default = SamplingOptions::default();
        let set = |value: f32, default: f32| (value != default).then_some(value);
        CompletionParams {
            model: Some(self.model.to_owned()),
            stream: self.stream.then_some(true),
            stream_options: self.stream.then(|| StreamOptions {
                include_usage: Some(true),
                include_timings: self.timings.then_some(true),
                ..StreamOptions::default()
            }),
            max_tokens: request.max_tokens,
            temperature: Some(sampling.temperature),
            top_p: set(sampling.top_p, default.top_p),
            stop: (!request.stop.is_empty()).then(|| Stop::Several(request.stop.clone())),
            seed: (sampling.temperature > 0.0).then_some(sampling.seed.cast_signed()),
            presence_penalty: set(sampling.presence_penalty, default.presence_penalty),
            frequency_penalty: set(sampling.frequency_penalty, default.frequency_penalty),
            response_format: request.format.as_ref().map(response_format),
            top_k: (sampling.top_k != default.top_k)
                .then_some(i64::try_from(sampling.top_k).unwrap_or(i64::MAX)),
            min_p: set(sampling.min_p, default.min_p),
            repetition_penalty: set(sampling.repetition_penalty, default.repetition_penalty),
            ignore_eos: request.ignore_eos.then_some(true),
            priority: (request.priority != 0).then_some(request.priority),
            timeout: request.deadline_ms.map(|ms| ms / 1e3),
            ..CompletionParams::default()
        }
    }
}

fn response_format(format: &OutputFormat) -> ResponseFormat {
    match format {
        OutputFormat::JsonObject => ResponseFormat::JsonObject {},
        OutputFormat::JsonSchema(schema) => ResponseFormat::JsonSchema {
            json_schema: JsonSchema {
                name: "answer".into(),
                schema: schema.clone(),
                strict: Some(true),
                description: None,
            },
        },
    }
}
