//! Requests in the study's protocol.

use llamaglass_engine::sampling::SamplingOptions;
use llamaglass_engine::scheduler::{Input, Request};
use llamaglass_engine::stats::Record;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::super::api_error::ApiError;

/// `max_new_tokens` if a request has none.
const DEFAULT_TOKENS: usize = 20;

/// The body of a request. Fields that the server does not know have no effect.
#[derive(Debug, Deserialize)]
pub struct Generate {
    inputs: String,
    parameters: Option<Parameters>,
    stream: Option<bool>,
    /// Ignored: the study's client sends `"sse"` but reads lines of JSON. The `Accept` header chooses the form.
    #[serde(rename = "return_protocol")]
    _return_protocol: Option<IgnoredAny>,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Parameters {
    do_sample: Option<bool>,
    temperature: Option<f32>,
    top_k: Option<i64>,
    top_p: Option<f32>,
    repetition_penalty: Option<f32>,
    max_new_tokens: Option<usize>,
    seed: Option<u64>,
    stop: Option<Vec<String>>,
    return_full_text: Option<bool>,
    /// Extension of this server: the answer continues past end-of-sequence ids.
    ignore_eos: Option<bool>,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

impl Parameters {
    fn samples(&self) -> bool {
        self.do_sample == Some(true)
    }

    /// Returns the names of the given fields that need `do_sample`.
    fn sampling_fields(&self) -> impl Iterator<Item = &'static str> {
        let fields = [
            ("temperature", self.temperature.is_some()),
            ("top_k", self.top_k.is_some()),
            ("top_p", self.top_p.is_some()),
            ("seed", self.seed.is_some()),
        ];
        let given = fields.into_iter().filter(|(_, given)| *given);
        given.map(|(name, _)| name)
    }

    fn sampling(&self) -> SamplingOptions {
        let repetition_penalty = self.repetition_penalty.unwrap_or(1.0);
        if !self.samples() {
            return SamplingOptions {
                temperature: 0.0,
                repetition_penalty,
                seed: self.seed.unwrap_or(0),
                ..SamplingOptions::default()
            };
        }
        SamplingOptions {
            temperature: self.temperature.unwrap_or(1.0),
            // Negative numbers turn it off, as 0 does.
            top_k: usize::try_from(self.top_k.unwrap_or(0)).unwrap_or(0),
            top_p: self.top_p.unwrap_or(1.0),
            repetition_penalty,
            seed: self.seed.unwrap_or_else(rand::random),
            ..SamplingOptions::default()
        }
    }
}

impl Generate {
    /// Returns true if the body asks for a stream.
    pub fn streams(&self) -> bool {
        self.stream == Some(true)
    }

    /// Returns true if `return_full_text` is set.
    pub fn returns_full_text(&self) -> bool {
        let parameters = self.parameters.as_ref();
        parameters.is_some_and(|of| of.return_full_text == Some(true))
    }

    /// Returns the names of fields without effect: unknown ones, and sampling settings without `do_sample`.
    pub fn ignored(&self) -> Vec<String> {
        let mut names: Vec<String> = self.unknown.keys().cloned().collect();
        if let Some(parameters) = &self.parameters {
            names.extend(parameters.unknown.keys().cloned());
            if !parameters.samples() {
                names.extend(parameters.sampling_fields().map(str::to_owned));
            }
        }
        names
    }

    /// Returns the engine's request.
    ///
    /// # Errors
    /// [`ApiError::Invalid`] if a setting is out of range.
    pub fn request(&self) -> Result<Request, ApiError> {
        let default = Parameters::default();
        let parameters = self.parameters.as_ref().unwrap_or(&default);
        let sampling = parameters.sampling();
        let valid = sampling.validate();
        valid.map_err(|error| ApiError::of_setting(&error))?;
        // Greedy decoding samples the most probable token, so only other sampling must request that token.
        let top_tokens = usize::from(parameters.samples());
        Ok(Request {
            sampling,
            stop: parameters.stop.clone().unwrap_or_default(),
            max_tokens: Some(parameters.max_new_tokens.unwrap_or(DEFAULT_TOKENS)),
            ignore_eos: parameters.ignore_eos == Some(true),
            logprobs: Some(top_tokens),
            ..Request::new(Input::Text(self.inputs.clone()))
        })
    }

    /// Returns the answer's text, after the prompt if `return_full_text` is set.
    pub fn text(&self, record: &Record) -> String {
        if self.returns_full_text() {
            format!("{}{}", self.inputs, record.text)
        } else {
            record.text.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: Value) -> Generate {
        serde_json::from_value(body).expect("it is valid")
    }

    #[test]
    fn study_client_body_is_accepted() {
        let generate = parse(json!({
            "inputs": "Hi", "stream": true, "return_protocol": "sse", "unheard_of": {"a": 1},
            "parameters": {
                "do_sample": false, "max_new_tokens": 7, "repetition_penalty": null, "seed": null,
                "stop": null, "temperature": 0.8, "top_k": 3, "topk_k": 3, "top_p": null,
                "return_full_text": true,
            },
        }));
        assert!(generate.streams() && generate.returns_full_text());
        let request = generate.request().expect("it is valid");
        assert_eq!(request.max_tokens, Some(7));
        assert_eq!(request.sampling.temperature, 0.0);
        let ignored = ["unheard_of", "topk_k", "temperature", "top_k"];
        assert_eq!(generate.ignored(), ignored);
    }

    #[test]
    fn sampling_settings_are_honoured_with_do_sample() {
        let generate = parse(json!({
            "inputs": "Hi",
            "parameters": {
                "do_sample": true, "temperature": 0.5, "top_k": -1, "top_p": 0.9, "seed": 4,
                "ignore_eos": true,
            },
        }));
        let request = generate.request().expect("it is valid");
        assert!(request.ignore_eos);
        let sampling = request.sampling;
        assert_eq!((sampling.temperature, sampling.top_p), (0.5, 0.9));
        assert_eq!((sampling.top_k, sampling.seed), (0, 4));
        assert!(generate.ignored().is_empty());
    }

    #[test]
    fn body_without_parameters_gets_the_default_length() {
        for body in [
            json!({ "inputs": "a" }),
            json!({ "inputs": "a", "parameters": null }),
        ] {
            let request = parse(body).request().expect("it is valid");
            assert_eq!(request.max_tokens, Some(DEFAULT_TOKENS));
        }
    }
}
