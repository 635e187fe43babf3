//! Parses the chunks of a completion.

use serde::Deserialize;
use serde_json::Value;

use super::ProtocolError;
use super::error::message;
use super::sse::SseReader;
use llamaglass_types::event::FinishReason;
use llamaglass_types::stats::Summary;
use llamaglass_types::timing::{RequestTiming, StepTiming};

/// Contents of one chunk of a completion; a completion that is not streamed is a single chunk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Piece {
    /// Text to append to the completion.
    pub text: String,
    /// Reason why the completion finished, in the protocol's words; present in the last chunk with text.
    pub finish_reason: Option<String>,
    /// Token usage, if the server reports it.
    pub usage: Option<ServerUsage>,
    /// Token id that the text belongs to, and its step's timing on the server's clock. Only our own server
    /// sends it, on request.
    pub step: Option<(u32, StepTiming)>,
    /// Start of the prompt's prefill. Only our own server sends it, on request.
    pub started: Option<Started>,
    /// Prefill chunk that yields no text. Only our own server sends it, on request.
    pub prefill: Option<Prefill>,
}

impl Piece {
    /// Returns the reason why the completion finished, if it did. Reasons that only other servers know count as
    /// a stop.
    pub fn finish(&self) -> Option<FinishReason> {
        Some(match self.finish_reason.as_deref()? {
            "length" => FinishReason::Length,
            "abort" => FinishReason::Abort,
            _ => FinishReason::Stop,
        })
    }
}

/// Start of a prompt's prefill.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Started {
    /// Number of prompt ids.
    pub prompt_tokens: usize,
    /// Number of prompt ids that were in the server's cache.
    pub reused_tokens: usize,
    /// Time of template, tokenize, queue and schedule, on the server's clock.
    pub timing: RequestTiming,
}

/// A prefill chunk that was computed.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Prefill {
    /// Number of prompt ids computed so far.
    pub done_tokens: usize,
    /// Number of prompt ids.
    pub prompt_tokens: usize,
    /// Timing of the chunk, on the server's clock.
    pub step: StepTiming,
}

/// Token usage of a request, as reported by the server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct ServerUsage {
    /// Number of prompt ids.
    pub prompt_tokens: usize,
    /// Number of sampled token ids.
    #[serde(default)]
    pub completion_tokens: usize,
    /// Details about the prompt's tokens.
    #[serde(default, rename = "prompt_tokens_details")]
    details: Option<Details>,
    /// Figures of each completion, from our own server.
    #[serde(default)]
    pub timings: Vec<Summary>,
}

impl ServerUsage {
    /// Number of prompt ids that were in the server's cache, if the server reports it.
    pub fn cached_tokens(&self) -> Option<usize> {
        self.details.as_ref()?.cached_tokens
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
struct Details {
    cached_tokens: Option<usize>,
}

/// One message of a response stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// A chunk of the completion.
    Piece(Box<Piece>),
    /// End of the stream.
    End,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<ServerUsage>,
    timing: Option<Step>,
    started: Option<Started>,
    prefill: Option<Prefill>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    text: Option<String>,
    delta: Option<Turn>,
    message: Option<Turn>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Turn {
    content: Option<String>,
}

#[derive(Deserialize)]
struct Step {
    id: u32,
    step: StepTiming,
}

impl From<Chunk> for Piece {
    /// Uses the first choice: a request for one completion gets one choice, or none in the chunk with the
    /// usage.
    fn from(chunk: Chunk) -> Self {
        let choice = chunk.choices.into_iter().next();
        let (text, finish_reason) = choice.map_or((None, None), |choice| {
            let turn = choice.delta.or(choice.message);
            let content = turn.and_then(|turn| turn.content);
            (choice.text.or(content), choice.finish_reason)
        });
        Self {
            text: text.unwrap_or_default(),
            finish_reason,
            usage: chunk.usage,
            step: chunk.timing.map(|Step { id, step }| (id, step)),
            started: chunk.started,
            prefill: chunk.prefill,
        }
    }
}

/// Parses a response stream as its bytes arrive.
#[derive(Clone, Debug, Default)]
pub struct PieceReader(SseReader);

impl PieceReader {
    /// Adds bytes and returns the messages that they complete.
    ///
    /// # Errors
    /// [`ProtocolError`]; the stream can't be read further after an error.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Said>, ProtocolError> {
        let events = self.0.push(bytes)?;
        events.iter().map(|data| said(data)).collect()
    }
}

fn said(data: &str) -> Result<Said, ProtocolError> {
    if data == "[DONE]" {
        return Ok(Said::End);
    }
    piece(data).map(|piece| Said::Piece(Box::new(piece)))
}

/// Parses a response that is not streamed.
///
/// # Errors
/// [`ProtocolError`] if the response is malformed or an error object.
pub fn whole(body: &[u8]) -> Result<Piece, ProtocolError> {
    piece(&String::from_utf8_lossy(body))
}

fn piece(data: &str) -> Result<Piece, ProtocolError> {
    let chunk: Chunk =
        serde_json::from_str(data).map_err(|error| ProtocolError::form(error, data))?;
    match &chunk.error {
        Some(error) => Err(ProtocolError::Refused(message(error))),
        None => Ok(chunk.into()),
    }
}
