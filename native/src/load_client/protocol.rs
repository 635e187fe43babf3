//! What is asked, and how answers are read: OpenAI's protocol, or the study's.

use clap::ValueEnum;
use llamaglass_openai::{Ask, Piece, PieceReader, ProtocolError, Said, whole};
use llamaglass_engine::sampling::SamplingOptions;
use llamaglass_engine::scheduler::{Input, Request};
use llamaglass_engine::stats::Summary;
use llamaglass_engine::tokenizer::Message;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::study::{self, LineReader};

/// How client and server speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// OpenAI's: chats, or with --raw completions.
    Openai,
    /// The study's: /models/NAME/generate and /generate_stream.
    Study,
}

/// What every request of a run has in common.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asking {
    /// How it is said.
    pub protocol: Protocol,
    /// Whether answers come piece by piece.
    pub stream: bool,
    /// Whether the prompt is completed as it is, without a chat template.
    pub raw: bool,
    /// The most tokens of an answer.
    pub max_tokens: usize,
    /// 0 picks the likeliest token.
    pub temperature: f32,
    /// Seed of the gaps between requests, and of what the server draws.
    pub seed: u64,
    /// Whether answers go on past end ids.
    pub ignore_eos: bool,
    /// Whether a server of ours is asked for the timing of each token.
    pub timings: bool,
}

impl Asking {
    /// Where a request for `prompt` goes, after the server's root, and its body.
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
        let ask = Ask {
            model,
            request: &request,
            stream: self.stream,
            timings: self.timings,
        };
        let path = ask.path().split('/').filter(|part| !part.is_empty());
        let path = ["v1"].into_iter().chain(path);
        (path.map(str::to_owned).collect(), ask.body())
    }
}

/// What a piece of an answer says; a whole answer is one piece.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// Whether it has text.
    pub text: bool,
    /// Why the answer ended.
    pub finish_reason: Option<String>,
    /// Ids of the prompt.
    pub prompt_tokens: Option<usize>,
    /// Ids picked.
    pub tokens: Option<usize>,
    /// The server's own figures of the answer, from servers of ours.
    pub summary: Option<Summary>,
    /// When its step ended on the server's clock, in milliseconds, from servers of ours.
    pub step_end_ms: Option<f64>,
    /// Whether nothing comes any more.
    pub end: bool,
}

impl From<Piece> for Heard {
    fn from(piece: Piece) -> Self {
        let (prompt_tokens, tokens, summary) = match piece.usage {
            Some(mut usage) => (
                Some(usage.prompt_tokens),
                Some(usage.completion_tokens),
                usage.timings.pop(),
            ),
            None => (None, None, None),
        };
        Self {
            text: !piece.text.is_empty(),
            finish_reason: piece.finish_reason,
            prompt_tokens,
            tokens,
            summary,
            step_end_ms: piece.step.map(|(_, step)| step.start_ms + step.wall_ms),
            end: false,
        }
    }
}

/// Reads an answer as its bytes come.
#[derive(Debug)]
pub enum AnswerReader {
    /// OpenAI's stream.
    Openai(PieceReader),
    /// The study's.
    Study(LineReader),
    /// An answer that comes at once: its bytes so far.
    Whole(Protocol, Vec<u8>),
}

impl AnswerReader {
    /// For an answer to what is asked.
    pub fn new(asking: &Asking) -> Self {
        match (asking.stream, asking.protocol) {
            (true, Protocol::Openai) => Self::Openai(PieceReader::default()),
            (true, Protocol::Study) => Self::Study(LineReader::default()),
            (false, protocol) => Self::Whole(protocol, Vec::new()),
        }
    }

    /// Takes bytes in; what they say.
    ///
    /// # Errors
    /// [`ProtocolError`]; nothing after it is to be read.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Heard>, ProtocolError> {
        match self {
            Self::Openai(reader) => {
                let said = reader.push(bytes)?.into_iter();
                let heard = said.map(|said| match said {
                    Said::Piece(piece) => (*piece).into(),
                    Said::End => Heard {
                        end: true,
                        ..Heard::default()
                    },
                });
                Ok(heard.collect())
            }
            Self::Study(reader) => reader.push(bytes),
            Self::Whole(_, body) => {
                body.extend_from_slice(bytes);
                Ok(Vec::new())
            }
        }
    }

    /// Bytes that are kept.
    pub const fn kept(&self) -> usize {
        match self {
            Self::Openai(_) | Self::Study(_) => 0,
            Self::Whole(_, body) => body.len(),
        }
    }

    /// What is left after the last byte: an answer that came at once, or a last line.
    ///
    /// # Errors
    /// [`ProtocolError`].
    pub fn finish(self) -> Result<Option<Heard>, ProtocolError> {
        let heard = match self {
            Self::Openai(_) => return Ok(None),
            Self::Study(reader) => return reader.finish(),
            Self::Whole(Protocol::Openai, body) => whole(&body)?.into(),
            Self::Whole(Protocol::Study, body) => study::whole(&body)?,
        };
        Ok(Some(Heard { end: true, ..heard }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ASKING: Asking = Asking {
        protocol: Protocol::Openai,
        stream: true,
        raw: false,
        max_tokens: 5,
        temperature: 0.0,
        seed: 1,
        ignore_eos: false,
        timings: false,
    };

    #[test]
    fn each_protocol_has_its_address_and_body() {
        let (path, body) = ASKING.request("m", "Hi");
        assert_eq!(path.join("/"), "v1/chat/completions");
        assert_eq!(body["messages"][0]["content"], "Hi");
        assert_eq!(body["stream_options"], json!({ "include_usage": true }));
        let raw = Asking {
            raw: true,
            ..ASKING
        };
        let (path, body) = raw.request("m", "Hi");
        assert_eq!(
            (path.join("/"), &body["prompt"]),
            ("v1/completions".into(), &json!("Hi"))
        );
        let study = Asking {
            protocol: Protocol::Study,
            temperature: 0.5,
            ..ASKING
        };
        let (path, body) = study.request("a/b", "Hi");
        assert_eq!(path, ["models", "a/b", "generate_stream"]);
        let wanted = json!({
            "max_new_tokens": 5, "do_sample": true, "temperature": 0.5, "seed": 1,
            "return_full_text": true,
        });
        assert_eq!(body["parameters"], wanted);
    }

    #[test]
    fn a_whole_answer_is_read_at_its_end() {
        let whole = Asking {
            stream: false,
            ..ASKING
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
        assert_eq!(reader.kept(), body.len());
        let heard = reader.finish().expect("it is right").expect("an answer");
        assert!(heard.text && heard.end);
        assert_eq!((heard.prompt_tokens, heard.tokens), (Some(2), Some(1)));
    }
}
