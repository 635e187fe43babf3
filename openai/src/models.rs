//! A server's list of models.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ProtocolError;

/// Value of `owned_by` that identifies our own server.
const OWNER: &str = "llamaglass";

/// Response to `GET /v1/models`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelList {
    /// Type of the object: `list`.
    #[serde(skip_deserializing)]
    pub object: &'static str,
    /// The models.
    pub data: Vec<ModelCard>,
}

impl ModelList {
    /// Creates a list of models.
    pub const fn new(data: Vec<ModelCard>) -> Self {
        let object = "list";
        Self { object, data }
    }
}

/// Description of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// Name of the model in requests.
    pub id: String,
    /// Type of the object: `model`.
    #[serde(skip_deserializing)]
    pub object: &'static str,
    /// Seconds since 1970.
    #[serde(skip_deserializing)]
    pub created: u64,
    /// Owner of the model.
    pub owned_by: Option<String>,
    /// Context length in positions.
    pub max_model_len: Option<usize>,
    /// Details that only our own server sends.
    #[serde(skip_deserializing)]
    pub llamaglass: Value,
}

impl ModelCard {
    /// Describes a model of our own server.
    pub fn own(id: &str, max_model_len: usize, llamaglass: Value) -> Self {
        Self {
            id: id.to_owned(),
            object: "model",
            created: 0,
            owned_by: Some(OWNER.to_owned()),
            max_model_len: Some(max_model_len),
            llamaglass,
        }
    }
}

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

/// Parses the response to `GET /v1/models`.
///
/// # Errors
/// [`ProtocolError::Form`] if the response is malformed.
pub fn served_models(body: &[u8]) -> Result<Vec<ServedModel>, ProtocolError> {
    let list: ModelList = serde_json::from_slice(body)
        .map_err(|error| ProtocolError::form(error, &String::from_utf8_lossy(body)))?;
    let model = |card: ModelCard| ServedModel {
        id: card.id,
        context_length: card.max_model_len,
        sends_timings: card.owned_by.as_deref() == Some(OWNER),
    };
    Ok(list.data.into_iter().map(model).collect())
}
