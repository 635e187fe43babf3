//! The `response_format` field.

use llamaglass_engine::scheduler::OutputFormat;
use serde::Deserialize;
use serde_json::Value;

use super::super::api_error::ApiError;

/// Name of the field.
pub const FIELD: &str = "response_format";

/// Maximum length of a schema's name in characters.
const MAX_NAME: usize = 64;

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ResponseFormat {
    Text {},
    JsonObject {},
    JsonSchema { json_schema: JsonSchema },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonSchema {
    name: String,
    schema: Value,
    /// Ignored: answers always follow the schema, or the request is refused.
    #[serde(rename = "strict")]
    _strict: Option<bool>,
    /// Ignored: clients describe the answer to the model in their messages.
    #[serde(rename = "description")]
    _description: Option<String>,
}

impl ResponseFormat {
    /// Returns the engine's output format; `None` for plain text.
    pub fn output(self) -> Result<Option<OutputFormat>, ApiError> {
        let JsonSchema { name, schema, .. } = match self {
            Self::Text {} => return Ok(None),
            Self::JsonObject {} => return Ok(Some(OutputFormat::JsonObject)),
            Self::JsonSchema { json_schema } => json_schema,
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(is_plain) {
            let message = format!(
                "{FIELD}: a schema's name is 1 to {MAX_NAME} letters, digits, underscores and dashes, not {name:?}"
            );
            return Err(ApiError::invalid(FIELD, message));
        }
        Ok(Some(OutputFormat::JsonSchema(schema)))
    }
}
