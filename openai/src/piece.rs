//! The pieces of an answer.

use serde::Deserialize;
use serde_json::Value;

use super::ProtocolError;
use super::error::message;
use super::sse::SseReader;
use llamaglass_engine::event::FinishReason;
use llamaglass_engine::stats::Summary;
use llamaglass_engine::timing::{RequestTiming, StepTiming};

/// What a piece of an answer says; a whole answer is one piece.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Piece {
    /// The text that it adds.
    pub text: String,
    /// Why the answer ended, in the protocol's words: its last text.
    pub finish_reason: Option<String>,
    /// What the answer cost, where the server tells.
    pub usage: Option<ServerUsage>,
    /// The id that the text is of, and its step's timing on the server's clock; from servers of ours that
    /// were asked for them.
    pub step: Option<(u32, StepTiming)>,
    /// That the prompt is begun with; from the same.
    pub started: Option<Started>,
    /// A chunk of the prompt that yields no text; from the same.
    pub prefill: Option<Prefill>,
}

impl Piece {
    /// Why the answer ended, if it did: a reason that only others know counts as a stop.
    pub fn finish(&self) -> Option<FinishReason> {
        Some(match self.finish_reason.as_deref()? {
            "length" => FinishReason::Length,
            "abort" => FinishReason::Abort,
            _ => FinishReason::Stop,
        })
    }
}

/// What is known when a prompt is begun with.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Started {
    /// Ids of the prompt.
    pub prompt_tokens: usize,
    /// How many of them were in the server's cache.
    pub reused_tokens: usize,
    /// Template, tokenize, queue and schedule, on the server's clock.
    pub timing: RequestTiming,
}

/// A chunk of the prompt that was computed.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Prefill {
    /// Prompt ids computed so far.
    pub done_tokens: usize,
    /// Ids of the prompt.
    pub prompt_tokens: usize,
    /// The chunk's timing, on the server's clock.
    pub step: StepTiming,
}

/// What a server says that an answer cost.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct ServerUsage {
    /// Ids of the prompt.
    pub prompt_tokens: usize,
    /// Ids picked.
    #[serde(default)]
    pub completion_tokens: usize,
    /// More of the prompt.
    #[serde(default, rename = "prompt_tokens_details")]
    details: Option<Details>,
    /// The figures of each answer, from servers of ours.
    #[serde(default)]
    pub timings: Vec<Summary>,
}

impl ServerUsage {
    /// Ids of the prompt that were in the server's cache, where it says so.
    pub fn cached_tokens(&self) -> Option<usize> {
        self.details.as_ref()?.cached_tokens
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
struct Details {
    cached_tokens: Option<usize>,
}

/// What a server sends in a stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// A piece.
    Piece(Box<Piece>),
    /// Nothing comes any more.
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
    /// Of a request for one answer there is one choice, or none with the usage.
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

/// Reads a stream of pieces, as its bytes come.
#[derive(Clone, Debug, Default)]
pub struct PieceReader(SseReader);

impl PieceReader {
    /// Takes bytes in; what they say.
    ///
    /// # Errors
    /// [`ProtocolError`]; nothing after it is to be read.
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

/// The only piece of an answer that is not streamed.
///
/// # Errors
/// [`ProtocolError`].
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
