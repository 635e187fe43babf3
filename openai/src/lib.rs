//! The client side of OpenAI's protocol, for the page, the load client and the lab: request bodies and response
//! chunks. Pure: callers own the connection.

mod address;
mod ask;
mod error;
mod models;
mod piece;
mod sse;

#[cfg(test)]
mod tests;

pub use address::{AddressError, base_url};
pub use ask::Ask;
pub use error::{ProtocolError, refusal};
pub use models::{ServedModel, served_models};
pub use piece::{Piece, PieceReader, Prefill, Said, ServerUsage, Started, whole};
pub use sse::SseReader;
