//! Encodes a request in OpenAI's protocol.

use serde_json::{Value, json};

use llamaglass_types::{Input, OutputFormat, Request, SamplingOptions};

/// A request to a server. Fields that are not part of OpenAI's API are sent only if they are set, so that other
/// servers don't reject them.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Name of the model on the server.
    pub model: &'a str,
    /// The request to send.
    pub request: &'a Request,
    /// True to stream the completion.
    pub stream: bool,
    /// True to request each step's timing in its chunk, which only our own server sends.
    pub timings: bool,
}

impl Ask<'_> {
    /// Path of the endpoint, after the server's `/v1`.
    pub const fn path(&self) -> &'static str {
        match self.request.input {
            Input::Messages(_) => "/chat/completions",
            Input::Text(_) | Input::Ids(_) => "/completions",
        }
    }

    /// Returns the request body.
    pub fn body(&self) -> Value {
        let Request {
            input,
            sampling,
            stop,
            max_tokens,
            ignore_eos,
            format,
            logprobs: _,
            priority,
            deadline_ms,
        } = self.request;
        let mut body = json!({ "model": self.model });
        match input {
            Input::Messages(messages) => body["messages"] = json!(messages),
            Input::Text(text) => body["prompt"] = json!(text),
            Input::Ids(ids) => body["prompt"] = json!(ids),
        }
        let none = SamplingOptions::default();
        let own = [
            ("temperature", true, json!(sampling.temperature)),
            ("max_tokens", max_tokens.is_some(), json!(max_tokens)),
            ("stop", !stop.is_empty(), json!(stop)),
            ("top_p", sampling.top_p != none.top_p, json!(sampling.top_p)),
            (
                "seed",
                sampling.temperature > 0.0,
                json!(sampling.seed.cast_signed()),
            ),
            (
                "presence_penalty",
                sampling.presence_penalty != none.presence_penalty,
                json!(sampling.presence_penalty),
            ),
            (
                "frequency_penalty",
                sampling.frequency_penalty != none.frequency_penalty,
                json!(sampling.frequency_penalty),
            ),
            ("top_k", sampling.top_k != none.top_k, json!(sampling.top_k)),
            ("min_p", sampling.min_p != none.min_p, json!(sampling.min_p)),
            (
                "repetition_penalty",
                sampling.repetition_penalty != none.repetition_penalty,
                json!(sampling.repetition_penalty),
            ),
            ("ignore_eos", *ignore_eos, json!(true)),
            (
                "response_format",
                format.is_some(),
                json!(format.as_ref().map(response_format)),
            ),
            ("priority", *priority != 0, json!(priority)),
            (
                "timeout",
                deadline_ms.is_some(),
                json!(deadline_ms.map(|ms| ms / 1e3)),
            ),
        ];
        for (name, said, value) in own {
            if said {
                body[name] = value;
            }
        }
        if self.stream {
            body["stream"] = json!(true);
            body["stream_options"] = json!({ "include_usage": true });
            if self.timings {
                body["stream_options"]["include_timings"] = json!(true);
            }
        }
        body
    }
}

fn response_format(format: &OutputFormat) -> Value {
    match format {
        OutputFormat::JsonObject => json!({ "type": "json_object" }),
        OutputFormat::JsonSchema(schema) => json!({
            "type": "json_schema",
            "json_schema": { "name": "answer", "strict": true, "schema": schema },
        }),
    }
}
