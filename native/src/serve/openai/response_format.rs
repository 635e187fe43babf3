//! The `response_format` field.

use llamaglass_engine::scheduler::OutputFormat;
use llamaglass_openai::{JsonSchema, ResponseFormat};

use super::super::api_error::ApiError;

pub const FIELD: &str = "response_format";

/// Maximum length of a schema's name in characters.
const MAX_NAME: usize = 64;

/// Returns the engine's output format; `None` for plain text. A schema's `strict` and `description` have no effect:
/// completions always follow the schema, and clients describe them to the model in their messages.
pub fn output_format(format: ResponseFormat) -> Result<Option<OutputFormat>, ApiError> {
    let JsonSchema { name, schema, .. } = match format {
        ResponseFormat::Text {} => return Ok(None),
        ResponseFormat::JsonObject {} => return Ok(Some(OutputFormat::JsonObject)),
        ResponseFormat::JsonSchema { json_schema } => json_schema,
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(is_plain) {
        let message = format!(
            "{FIELD}: invalid schema name {name:?}; expected 1 to {MAX_NAME} letters, digits, underscores and dashes"
        );
        return Err(ApiError::invalid(FIELD, message));
    }
    Ok(Some(OutputFormat::JsonSchema(schema)))
}
