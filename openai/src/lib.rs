//! OpenAI's protocol on the wire, for the server and its clients: the page, the load client and the lab. Callers own
//! the connection.

mod address;
mod chunk;
mod client_request;
mod error;
mod models;
mod request;
mod response;
mod sse;

#[cfg(test)]
mod tests;

pub use address::{AddressError, ServerAddress, host};
pub use chunk::{ChunkReader, CompletionChunk, StreamItem, parse_completion};
pub use client_request::ClientRequest;
pub use error::{ProtocolError, response_error};
pub use models::{ModelCard, ModelList, ServedModel, served_models};
pub use request::{
    ChatMessage, CompletionParams, Content, ContentPart, JsonSchema, Prompt, ResponseFormat, Stop,
    StreamOptions,
};
pub use response::{
    AssistantMessage, Choice, Completion, Delta, PrefillProgress, PrefillStart, PromptDetails,
    TokenTiming, Usage, finish_reason,
};
pub use sse::SseReader;
