//! Request fields that chat and text completions share, and their conversion to engine requests.

use llamaglass_engine::sampling::SamplingOptions;
use llamaglass_engine::scheduler::{Input, OutputFormat, Request};
use llamaglass_openai::{CompletionParams, ResponseFormat, Stop};
use serde_json::{Map, Value};

use super::super::api_error::ApiError;
use super::super::json::{fields, take};
use super::response_format::{self, output_format};
use super::unsupported::remove_harmless;

/// Maximum number of completions per prompt.
const MAX_N: usize = 16;
/// Maximum number of stop strings.
const MAX_STOPS: usize = 16;

/// A request for chat or text completions, without its prompt.
#[derive(Debug)]
pub struct CompletionRequest {
    pub params: CompletionParams,
    /// Names of the fields that the server does not know.
    pub ignored: Vec<String>,
    format: Option<OutputFormat>,
}

/// Optional parts of a stream that a client asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamParts {
    /// A last chunk with token counts and timings.
    pub usage: bool,
    /// Token counts so far in every chunk.
    pub continuous_usage: bool,
    /// Each step's timing in its chunk.
    pub timings: bool,
}

impl CompletionRequest {
    /// Parses the fields that the endpoint has left in a body. `ignored` has the names of unknown fields so far.
    ///
    /// # Errors
    /// [`ApiError::Invalid`] names a field that can't be honoured or, with `strict`, an unknown one.
    pub fn parse(
        mut object: Map<String, Value>,
        ignored: Vec<String>,
        strict: bool,
    ) -> Result<Self, ApiError> {
        remove_harmless(&mut object)?;
        let format = take::<ResponseFormat>(&mut object, response_format::FIELD)?;
        let params: CompletionParams = fields(object)?;
        let format = format.map(output_format).transpose()?.flatten();
        let mut ignored = ignored;
        ignored.extend(params.unknown.keys().cloned());
        let options = params.stream_options.iter();
        let names = options.flat_map(|options| options.unknown.keys());
        ignored.extend(names.map(|name| format!("stream_options.{name}")));
        match ignored.first().filter(|_| strict) {
            Some(name) => {
                let message = format!("unknown field `{name}`, refused because of --strict");
                Err(ApiError::invalid(name, message))
            }
            None => Ok(Self {
                params,
                ignored,
                format,
            }),
        }
    }

    /// Returns the optional parts of the stream that the client asks for.
    pub fn stream_parts(&self) -> StreamParts {
        let Some(options) = &self.params.stream_options else {
            return StreamParts::default();
        };
        StreamParts {
            usage: options.include_usage == Some(true),
            continuous_usage: options.continuous_usage_stats == Some(true),
            timings: options.include_timings == Some(true),
        }
    }

    /// Returns true if the client asks for a stream.
    pub fn streams(&self) -> bool {
        self.params.stream == Some(true)
    }

    /// Returns the number of completions per prompt.
    pub fn completions_per_prompt(&self) -> Result<usize, ApiError> {
        match self.params.n.unwrap_or(1) {
            n @ 1..=MAX_N => Ok(n),
            n => {
                let message = format!("n must be from 1 to {MAX_N}, not {n}");
                Err(ApiError::invalid("n", message))
            }
        }
    }

    /// Returns the engine's requests for `input`, one per completion.
    pub fn requests(
        &self,
        input: Input,
        logprobs: Option<usize>,
        default_tokens: Option<usize>,
    ) -> Result<Vec<Request>, ApiError> {
        let n = self.completions_per_prompt()?;
        let params = &self.params;
        let max_tokens = match (params.max_tokens, params.max_completion_tokens) {
            (Some(one), Some(other)) if one != other => {
                let message = "max_tokens and max_completion_tokens differ";
                return Err(ApiError::invalid("max_completion_tokens", message));
            }
            (one, other) => one.or(other).or(default_tokens),
        };
        let stop = match &params.stop {
            None => Vec::new(),
            Some(Stop::One(text)) => vec![text.clone()],
            Some(Stop::Several(all)) => all.clone(),
        };
        if stop.len() > MAX_STOPS || stop.iter().any(String::is_empty) {
            let message = format!("stop must have at most {MAX_STOPS} strings, none of them empty");
            return Err(ApiError::invalid("stop", message));
        }
        let deadline = params.timeout.map(|seconds| seconds * 1e3);
        if deadline.is_some_and(|ms| !(ms.is_finite() && ms > 0.0)) {
            return Err(ApiError::invalid("timeout", "timeout must be above 0"));
        }
        let sampling = SamplingOptions {
            temperature: params.temperature.unwrap_or(1.0),
            top_k: usize::try_from(params.top_k.unwrap_or(0)).unwrap_or(0),
            top_p: params.top_p.unwrap_or(1.0),
            min_p: params.min_p.unwrap_or(0.0),
            repetition_penalty: params.repetition_penalty.unwrap_or(1.0),
            presence_penalty: params.presence_penalty.unwrap_or(0.0),
            frequency_penalty: params.frequency_penalty.unwrap_or(0.0),
            // Without a seed, every completion is different.
            seed: params.seed.map_or_else(rand::random, i64::cast_unsigned),
        };
        let valid = sampling.validate();
        valid.map_err(|error| ApiError::of_setting(&error))?;
        let request = |index: usize| Request {
            input: input.clone(),
            sampling: SamplingOptions {
                seed: sampling.seed.wrapping_add(index as u64),
                ..sampling.clone()
            },
            stop: stop.clone(),
            max_tokens,
            ignore_eos: params.ignore_eos.unwrap_or(false),
            format: self.format.clone(),
            logprobs,
            priority: params.priority.unwrap_or(0),
            deadline_ms: deadline,
        };
        Ok((0..n).map(request).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: Value) -> Result<CompletionRequest, ApiError> {
        let Value::Object(object) = body else {
            panic!("no object");
        };
        CompletionRequest::parse(object, Vec::new(), false)
    }

    #[test]
    fn accepted_fields_are_honoured() {
        let request = parse(json!({
            "model": "m", "max_tokens": 5, "temperature": 0.5, "top_p": 0.9, "n": 2, "stop": "x",
            "seed": -1, "presence_penalty": 0.1, "frequency_penalty": 0.2, "top_k": 7, "min_p": 0.05,
            "repetition_penalty": 1.1, "ignore_eos": true, "priority": 3, "timeout": 2.5,
            "user": "u", "stream": null, "response_format": {"type": "json_schema", "json_schema": {
                "name": "answer", "description": "d", "strict": true, "schema": {"type": "null"},
            }},
        }));
        let request = request.expect("it is valid");
        let input = Input::Text("hi".into());
        let requests = request
            .requests(input.clone(), Some(2), None)
            .expect("valid");
        assert_eq!(requests.len(), 2);
        let sampling = SamplingOptions {
            temperature: 0.5,
            top_k: 7,
            top_p: 0.9,
            min_p: 0.05,
            repetition_penalty: 1.1,
            presence_penalty: 0.1,
            frequency_penalty: 0.2,
            seed: u64::MAX,
        };
        let expected = Request {
            input,
            sampling: sampling.clone(),
            stop: vec!["x".into()],
            max_tokens: Some(5),
            ignore_eos: true,
            format: Some(OutputFormat::JsonSchema(json!({"type": "null"}))),
            logprobs: Some(2),
            priority: 3,
            deadline_ms: Some(2500.0),
        };
        assert_eq!(requests[0], expected);
        let other = SamplingOptions {
            seed: 0,
            ..sampling
        };
        assert_eq!(requests[1].sampling, other);
    }

    #[test]
    fn invalid_fields_are_refused_by_name() {
        for (body, words) in [
            (json!({"tools": [{}]}), "tools is not supported"),
            (json!({"temperature": "hot"}), "expected f32"),
            (
                json!({"response_format": "json"}),
                "response_format: invalid type",
            ),
            (
                json!({"response_format": {"type": "xml"}}),
                "response_format: unknown variant `xml`",
            ),
            (
                json!({"response_format": {"type": "json_schema"}}),
                "response_format: missing field `json_schema`",
            ),
            (
                json!({"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}}),
                "response_format: missing field `schema`",
            ),
            (
                json!({"response_format": {
                    "type": "json_schema", "json_schema": {"name": "a b", "schema": {}},
                }}),
                "response_format: invalid schema name",
            ),
        ] {
            let error = parse(body).expect_err("refused").to_string();
            assert!(error.contains(words), "{error}");
        }
        for (body, words) in [
            (json!({"n": 0}), "n must be from 1 to 16"),
            (
                json!({"max_tokens": 1, "max_completion_tokens": 2}),
                "differ",
            ),
            (json!({"stop": [""]}), "none of them empty"),
            (json!({"timeout": 0}), "above 0"),
            (
                json!({"temperature": 9}),
                "temperature must be between 0 and 2, not 9",
            ),
            (json!({"presence_penalty": -3}), "between -2 and 2, not -3"),
        ] {
            let request = parse(body).expect("it parses");
            let refused = request.requests(Input::Text("a".into()), None, None);
            let error = refused.expect_err("refused").to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn unknown_fields_are_ignored_by_name_and_refused_when_strict() {
        let body = json!({
            "max_tokens": 3, "nonsense": 1, "user": "u", "stream_options": {
                "include_usage": true, "continuous_usage_stats": true, "include_timings": null, "more": 1,
            },
        });
        let request = parse(body.clone()).expect("it is valid");
        assert_eq!(request.ignored, ["nonsense", "stream_options.more"]);
        let expected = StreamParts {
            usage: true,
            continuous_usage: true,
            timings: false,
        };
        assert_eq!(request.stream_parts(), expected);
        let Value::Object(body) = body else {
            panic!("no object");
        };
        let refused = CompletionRequest::parse(body, Vec::new(), true).expect_err("refused");
        let ApiError::Invalid { message, param } = refused else {
            panic!("another error");
        };
        assert_eq!(param.as_deref(), Some("nonsense"));
        assert!(message.contains("unknown field `nonsense`"), "{message}");
    }

    #[test]
    fn null_and_negative_top_k_are_the_default() {
        let request = parse(json!({"n": null, "stop": null, "stream_options": null, "top_k": -1}));
        let request = request.expect("it is valid");
        assert_eq!(request.stream_parts(), StreamParts::default());
        let requests = request.requests(Input::Text("a".into()), None, None);
        assert_eq!(requests.expect("valid")[0].sampling.top_k, 0);
    }
}
