//! Requests and answers of the load client, in OpenAI's protocol or the study's.

use llamaglass_engine::sampling::SamplingOptions;
use llamaglass_engine::scheduler::{Input, Request};
use llamaglass_engine::tokenizer::Message;
use llamaglass_openai::{
    ChunkReader, ClientRequest, CompletionChunk, ProtocolError, StreamItem, parse_completion,
};
use serde_json::Value;

use super::sample::AnswerPiece;
use super::settings::RequestSettings;
use super::study::{self, LineReader};
use crate::cli::Protocol;

impl RequestSettings {
    /// Returns the path of a request for `prompt`, below the server's base address (OpenAI's protocol) or its root (the
    /// study's), and its body.
    pub fn request(&self, model: &str, prompt: &str) -> (Vec<String>, Value) {
        match self.protocol {
            Protocol::Openai => self.openai(model, prompt),
            Protocol::Study => study::request(self, model, prompt),
        }
    }

    fn openai(&self, model: &str, prompt: &str) -> (Vec<String>, Value) {
        let input = if self.raw {
            Input::Text(prompt.to_owned())
        } else {
            Input::Messages(vec![Message {
                role: "user".into(),
                content: prompt.to_owned(),
            }])
        };
        let request = Request {
            sampling: SamplingOptions {
                temperature: self.temperature,
                seed: self.seed,
                ..SamplingOptions::default()
            },
            max_tokens: Some(self.max_tokens),
            ignore_eos: self.ignore_eos,
            ..Request::new(input)
        };
        let request = ClientRequest {
            model,
            request: &request,
            stream: self.stream,
            timings: self.timings,
        };
        let path = request.path().trim_start_matches('/').split('/');
        (path.map(str::to_owned).collect(), request.body())
    }
}

impl From<CompletionChunk> for AnswerPiece {
    fn from(chunk: CompletionChunk) -> Self {
        let (prompt_tokens, tokens, summary) = match chunk.usage {
            Some(mut usage) => (
                Some(usage.prompt_tokens),
                Some(usage.completion_tokens),
                usage.timings.pop(),
            ),
            None => (None, None, None),
        };
        Self {
            text: !chunk.text.is_empty(),
            finish_reason: chunk.finish_reason,
            prompt_tokens,
            tokens,
            summary,
            step_end_ms: chunk.timing.map(|of| of.step.start_ms + of.step.wall_ms),
            end: false,
        }
    }
}

/// Parser of an answer's bytes as they arrive.
#[derive(Debug)]
pub enum AnswerReader {
    /// A stream of OpenAI's protocol.
    Openai(ChunkReader),
    /// A stream of the study's protocol.
    Study(LineReader),
    /// An answer that is not streamed, with its bytes so far.
    Whole(Protocol, Vec<u8>),
}

impl AnswerReader {
    /// Creates a reader for answers to requests with these settings.
    pub fn new(settings: &RequestSettings) -> Self {
        match (settings.stream, settings.protocol) {
            (true, Protocol::Openai) => Self::Openai(ChunkReader::default()),
            (true, Protocol::Study) => Self::Study(LineReader::default()),
            (false, protocol) => Self::Whole(protocol, Vec::new()),
        }
    }

    /// Adds bytes and returns the pieces that they complete.
    ///
    /// # Errors
    /// [`ProtocolError`] if the bytes are not valid; the reader must not be used after it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<AnswerPiece>, ProtocolError> {
        match self {
            Self::Openai(reader) => {
                let items = reader.push(bytes)?.into_iter();
                let pieces = items.map(|item| match item {
                    StreamItem::Chunk(chunk) => (*chunk).into(),
                    StreamItem::End => AnswerPiece {
                        end: true,
                        ..AnswerPiece::default()
                    },
                });
                Ok(pieces.collect())
            }
            Self::Study(reader) => reader.push(bytes),
            Self::Whole(_, body) => {
                body.extend_from_slice(bytes);
                Ok(Vec::new())
            }
        }
    }

    /// Returns the number of buffered bytes of an answer that is not streamed.
    pub const fn buffered(&self) -> usize {
        match self {
            Self::Openai(_) | Self::Study(_) => 0,
            Self::Whole(_, body) => body.len(),
        }
    }

    /// Returns the rest after the last byte: an answer that is not streamed, or a last line.
    ///
    /// # Errors
    /// [`ProtocolError`] if the rest is not valid.
    pub fn finish(self) -> Result<Option<AnswerPiece>, ProtocolError> {
        let piece = match self {
            Self::Openai(_) => return Ok(None),
            Self::Study(reader) => return reader.finish(),
            Self::Whole(Protocol::Openai, body) => parse_completion(&body)?.into(),
            Self::Whole(Protocol::Study, body) => study::whole(&body)?,
        };
        Ok(Some(AnswerPiece { end: true, ..piece }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_protocol_has_its_own_path_and_body() {
        let (path, body) = RequestSettings::TEST.request("m", "Hi");
        assert_eq!(path.join("/"), "chat/completions");
        assert_eq!(body["messages"][0]["content"], "Hi");
        assert_eq!(body["stream_options"], json!({ "include_usage": true }));
        let raw = RequestSettings {
            raw: true,
            ..RequestSettings::TEST
        };
        let (path, body) = raw.request("m", "Hi");
        assert_eq!(
            (path.join("/"), &body["prompt"]),
            ("completions".into(), &json!("Hi"))
        );
        let study = RequestSettings {
            protocol: Protocol::Study,
            temperature: 0.5,
            ..RequestSettings::TEST
        };
        let (path, body) = study.request("a/b", "Hi");
        assert_eq!(path, ["models", "a/b", "generate_stream"]);
        let expected = json!({
            "max_new_tokens": 5, "do_sample": true, "temperature": 0.5, "seed": 1,
            "return_full_text": true,
        });
        assert_eq!(body["parameters"], expected);
    }

    #[test]
    fn unstreamed_answer_is_parsed_at_its_end() {
        let whole = RequestSettings {
            stream: false,
            ..RequestSettings::TEST
        };
        let mut reader = AnswerReader::new(&whole);
        let body = json!({
            "choices": [{"message": {"content": "a"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 2, "completion_tokens": 1},
        });
        let body = body.to_string();
        let (first, second) = body.as_bytes().split_at(10);
        assert_eq!(reader.push(first), Ok(vec![]));
        assert_eq!(reader.push(second), Ok(vec![]));
        assert_eq!(reader.buffered(), body.len());
        let piece = reader.finish().expect("valid").expect("an answer");
        assert!(piece.text && piece.end);
        assert_eq!((piece.prompt_tokens, piece.tokens), (Some(2), Some(1)));
    }
}
