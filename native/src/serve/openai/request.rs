//! What a client may ask for, and what becomes of it.

use llamaglass_engine::sampling::SamplingOptions;
use llamaglass_engine::scheduler::{Input, OutputFormat, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::super::api_error::ApiError;
use super::response_format::{self, ResponseFormat};

/// The most answers to one request.
const MAX_N: usize = 16;
/// The most texts that end an answer.
const MAX_STOPS: usize = 16;

/// Fields of the protocol that are no part of this server.
const NOT_SUPPORTED: [&str; 15] = [
    "audio",
    "best_of",
    "echo",
    "function_call",
    "functions",
    "logit_bias",
    "modalities",
    "parallel_tool_calls",
    "prediction",
    "reasoning_effort",
    "suffix",
    "tool_choice",
    "tools",
    "verbosity",
    "web_search_options",
];

/// Fields of an object as a type that knows all of them.
pub fn fields<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, ApiError> {
    serde_json::from_value(Value::Object(object)).map_err(|error| ApiError::Invalid {
        message: error.to_string(),
        param: None,
    })
}

/// Takes a field out of an object.
pub fn take<T: DeserializeOwned>(
    object: &mut Map<String, Value>,
    name: &str,
) -> Result<Option<T>, ApiError> {
    let value = object.remove(name).filter(|value| !value.is_null());
    let parsed = value.map(serde_json::from_value).transpose();
    parsed.map_err(|error| ApiError::invalid(name, format!("{name}: {error}")))
}

/// What chats and texts have in common.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Common {
    pub model: Option<String>,
    #[serde(default)]
    pub stream: Option<bool>,
    #[serde(default)]
    pub stream_options: Option<StreamOptions>,
    max_tokens: Option<usize>,
    max_completion_tokens: Option<usize>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    n: Option<usize>,
    stop: Option<Stop>,
    seed: Option<i64>,
    presence_penalty: Option<f32>,
    frequency_penalty: Option<f32>,
    /// What the answer has to be; said in a field that has a form of its own.
    #[serde(skip)]
    format: Option<OutputFormat>,
    /// Labels that change no answer.
    #[serde(rename = "user")]
    _user: Option<String>,
    #[serde(rename = "metadata")]
    _metadata: Option<Map<String, Value>>,
    #[serde(rename = "store")]
    _store: Option<bool>,
    // Not OpenAI's own, but common.
    top_k: Option<usize>,
    min_p: Option<f32>,
    repetition_penalty: Option<f32>,
    ignore_eos: Option<bool>,
    priority: Option<i32>,
    /// Seconds after which the answer ends as far as it has come.
    timeout: Option<f64>,
}

/// How an answer is streamed.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamOptions {
    /// Whether a last piece has token counts and timings.
    #[serde(default)]
    pub include_usage: bool,
    /// Whether every piece has its step's timing.
    #[serde(default)]
    pub include_timings: bool,
    /// Padding against guesses from lengths: there is none to leave out.
    #[serde(default, rename = "include_obfuscation")]
    _include_obfuscation: bool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Stop {
    One(String),
    Several(Vec<String>),
}

impl Common {
    /// Of what is left of a body.
    pub fn parse(mut object: Map<String, Value>) -> Result<Self, ApiError> {
        let asked = |name: &&str| object.get(*name).is_some_and(|value| !value.is_null());
        if let Some(name) = NOT_SUPPORTED.into_iter().find(|name| asked(name)) {
            return Err(ApiError::invalid(
                name,
                format!("{name} is not supported by this server"),
            ));
        }
        let format = take::<ResponseFormat>(&mut object, response_format::FIELD)?;
        let nulls = object.into_iter().filter(|(_, value)| !value.is_null());
        let common: Self = fields(nulls.collect())?;
        let format = format.map(ResponseFormat::output).transpose()?.flatten();
        Ok(Self { format, ..common })
    }

    /// How many answers are wanted.
    pub fn answers(&self) -> Result<usize, ApiError> {
        match self.n.unwrap_or(1) {
            n @ 1..=MAX_N => Ok(n),
            n => {
                let message = format!("n must be from 1 to {MAX_N}, not {n}");
                Err(ApiError::invalid("n", message))
            }
        }
    }

    /// The engine's requests for `input`, one an answer.
    pub fn requests(
        &self,
        input: Input,
        logprobs: Option<usize>,
        default_tokens: Option<usize>,
    ) -> Result<Vec<Request>, ApiError> {
        let answers = self.answers()?;
        let max_tokens = match (self.max_tokens, self.max_completion_tokens) {
            (Some(one), Some(other)) if one != other => {
                let message = "max_tokens and max_completion_tokens say different things";
                return Err(ApiError::invalid("max_completion_tokens", message));
            }
            (one, other) => one.or(other).or(default_tokens),
        };
        let stop = match &self.stop {
            None => Vec::new(),
            Some(Stop::One(text)) => vec![text.clone()],
            Some(Stop::Several(all)) => all.clone(),
        };
        if stop.len() > MAX_STOPS || stop.iter().any(String::is_empty) {
            let message = format!("stop takes up to {MAX_STOPS} texts, none of them empty");
            return Err(ApiError::invalid("stop", message));
        }
        let deadline = self.timeout.map(|seconds| seconds * 1e3);
        if deadline.is_some_and(|ms| !(ms.is_finite() && ms > 0.0)) {
            return Err(ApiError::invalid("timeout", "timeout must be above 0"));
        }
        let sampling = SamplingOptions {
            temperature: self.temperature.unwrap_or(1.0),
            top_k: self.top_k.unwrap_or(0),
            top_p: self.top_p.unwrap_or(1.0),
            min_p: self.min_p.unwrap_or(0.0),
            repetition_penalty: self.repetition_penalty.unwrap_or(1.0),
            presence_penalty: self.presence_penalty.unwrap_or(0.0),
            frequency_penalty: self.frequency_penalty.unwrap_or(0.0),
            // Without a seed, each answer is another.
            seed: self.seed.map_or_else(rand::random, i64::cast_unsigned),
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
            ignore_eos: self.ignore_eos.unwrap_or(false),
            format: self.format.clone(),
            logprobs,
            priority: self.priority.unwrap_or(0),
            deadline_ms: deadline,
        };
        Ok((0..answers).map(request).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: Value) -> Result<Common, ApiError> {
        let Value::Object(object) = body else {
            panic!("no object");
        };
        Common::parse(object)
    }

    #[test]
    fn what_is_accepted_is_honoured() {
        let common = parse(json!({
            "model": "m", "max_tokens": 5, "temperature": 0.5, "top_p": 0.9, "n": 2, "stop": "x",
            "seed": -1, "presence_penalty": 0.1, "frequency_penalty": 0.2, "top_k": 7, "min_p": 0.05,
            "repetition_penalty": 1.1, "ignore_eos": true, "priority": 3, "timeout": 2.5,
            "user": "u", "stream": null, "response_format": {"type": "json_schema", "json_schema": {
                "name": "answer", "description": "d", "strict": true, "schema": {"type": "null"},
            }},
        }));
        let common = common.expect("it is valid");
        let input = Input::Text("hi".into());
        let requests = common
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
        let wanted = Request {
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
        assert_eq!(requests[0], wanted);
        let other = SamplingOptions {
            seed: 0,
            ..sampling
        };
        assert_eq!(requests[1].sampling, other);
    }

    #[test]
    fn what_is_not_is_refused_by_name() {
        for (body, words) in [
            (json!({"tools": []}), "tools is not supported"),
            (json!({"nonsense": 1}), "unknown field `nonsense`"),
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
                "response_format: a schema's name",
            ),
        ] {
            let error = parse(body).expect_err("refused").to_string();
            assert!(error.contains(words), "{error}");
        }
        for (body, words) in [
            (json!({"n": 0}), "n must be from 1 to 16"),
            (
                json!({"max_tokens": 1, "max_completion_tokens": 2}),
                "different things",
            ),
            (json!({"stop": [""]}), "none of them empty"),
            (json!({"timeout": 0}), "above 0"),
            (
                json!({"temperature": 9}),
                "temperature must be between 0 and 2, not 9",
            ),
            (json!({"presence_penalty": -3}), "between -2 and 2, not -3"),
        ] {
            let common = parse(body).expect("it parses");
            let refused = common.requests(Input::Text("a".into()), None, None);
            let error = refused.expect_err("refused").to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
