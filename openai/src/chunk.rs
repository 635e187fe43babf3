//! Parses the chunks of a completion.

use super::error::{ProtocolError, message};
use super::response::{Completion, PrefillProgress, PrefillStart, TokenTiming, Usage};
use super::sse::SseReader;
use llamaglass_types::event::FinishReason;

/// Contents of one chunk of a completion; a completion that is not streamed is a single chunk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CompletionChunk {
    /// Text to append to the completion.
    pub text: String,
    /// Reason why the completion finished, in the protocol's words; present in the last chunk with text.
    pub finish_reason: Option<String>,
    /// Token counts, if the server reports them.
    pub usage: Option<Usage>,
    /// Timing of the token that the text belongs to. Only our own server sends it, on request.
    pub timing: Option<TokenTiming>,
    /// Start of the prompt's prefill. Only our own server sends it, on request.
    pub started: Option<PrefillStart>,
    /// Prefill chunk that yields no text. Only our own server sends it, on request.
    pub prefill: Option<PrefillProgress>,
}

impl CompletionChunk {
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

impl From<Completion> for CompletionChunk {
    /// Uses the first choice: a request for one completion gets one choice, or none in the chunk with the
    /// usage.
    fn from(completion: Completion) -> Self {
        let choice = completion.choices.into_iter().next().unwrap_or_default();
        let content = match (choice.delta, choice.message) {
            (Some(delta), _) => delta.content,
            (None, message) => message.and_then(|message| message.content),
        };
        Self {
            text: choice.text.or(content).unwrap_or_default(),
            finish_reason: choice.finish_reason,
            usage: completion.usage,
            timing: completion.timing,
            started: completion.started,
            prefill: completion.prefill,
        }
    }
}

/// One item of a response stream.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamItem {
    /// A chunk of the completion.
    Chunk(Box<CompletionChunk>),
    /// End of the stream.
    End,
}

/// Parses a response stream as its bytes arrive.
#[derive(Clone, Debug, Default)]
pub struct ChunkReader(SseReader);

impl ChunkReader {
    /// Adds bytes and returns the items that they complete.
    ///
    /// # Errors
    /// [`ProtocolError`]; the stream can't be read further after an error.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<StreamItem>, ProtocolError> {
        let events = self.0.push(bytes)?;
        let item = |data: &String| match data.as_str() {
            "[DONE]" => Ok(StreamItem::End),
            data => parse(data).map(|chunk| StreamItem::Chunk(Box::new(chunk))),
        };
        events.iter().map(item).collect()
    }
}

/// Parses a response that is not streamed.
///
/// # Errors
/// [`ProtocolError`] if the response is malformed or an error object.
pub fn parse_completion(body: &[u8]) -> Result<CompletionChunk, ProtocolError> {
    parse(&String::from_utf8_lossy(body))
}

fn parse(data: &str) -> Result<CompletionChunk, ProtocolError> {
    let completion: Completion =
        serde_json::from_str(data).map_err(|error| ProtocolError::form(error, data))?;
    match &completion.error {
        Some(error) => Err(ProtocolError::Refused(message(error))),
        None => Ok(completion.into()),
    }
}
