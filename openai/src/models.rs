//! Reads a server's list of models.

use serde::{Deserialize, Serialize};

use super::ProtocolError;

/// Value of `owned_by` that identifies our own server.
const OURS: &str = "llamaglass";

/// A model that a server offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedModel {
    /// Name of the model in requests.
    pub id: String,
    /// Context length in positions, if the server reports it.
    pub context_length: Option<usize>,
    /// True if the server is one of ours, which sends timings on request.
    pub sends_timings: bool,
}

#[derive(Deserialize)]
struct List {
    data: Vec<Card>,
}

#[derive(Deserialize)]
struct Card {
    id: String,
    max_model_len: Option<usize>,
    owned_by: Option<String>,
}

/// Parses the response to `GET /v1/models`.
///
/// # Errors
/// [`ProtocolError::Form`] if the response is malformed.
pub fn served_models(body: &[u8]) -> Result<Vec<ServedModel>, ProtocolError> {
    let list: List = serde_json::from_slice(body)
        .map_err(|error| ProtocolError::form(error, &String::from_utf8_lossy(body)))?;
    let model = |card: Card| ServedModel {
        id: card.id,
        context_length: card.max_model_len,
        sends_timings: card.owned_by.as_deref() == Some(OURS),
    };
    Ok(list.data.into_iter().map(model).collect())
}
