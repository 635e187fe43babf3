//! Which models a server has.

use serde::{Deserialize, Serialize};

use super::ProtocolError;

/// What a server of ours says it is.
const OURS: &str = "llamaglass";

/// A model that a server has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedModel {
    /// What requests call it.
    pub id: String,
    /// Positions of its context, where the server says so.
    pub context_length: Option<usize>,
    /// Whether the server is one of ours, which sends timings to those who ask.
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

/// The models in what `GET /v1/models` says.
///
/// # Errors
/// [`ProtocolError::Form`].
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
