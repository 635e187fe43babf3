//! Endpoints that convert text to token ids and back.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use llamaglass_engine::tokenizer::{Message, SpecialText, Tokenizer};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api_error::ApiError;
use super::app::App;
use super::client::Client;
use super::json::{fields, object};

/// Maximum bytes of text per request: a tokenizer takes about 150 bytes of memory for each.
const MAX_TEXT: usize = 1 << 20;

/// Body of a request: either a text or a conversation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tokenize {
    model: Option<String>,
    prompt: Option<String>,
    messages: Option<Vec<Message>>,
    #[serde(default = "yes")]
    add_special_tokens: bool,
}

const fn yes() -> bool {
    true
}

impl Tokenize {
    /// Returns the bytes of all texts together.
    fn bytes(&self) -> usize {
        let messages = self.messages.iter().flatten();
        let of_messages: usize = messages.map(|it| it.role.len() + it.content.len()).sum();
        self.prompt.as_ref().map_or(0, String::len) + of_messages
    }

    fn ids(self, tokenizer: &Tokenizer) -> Result<Vec<u32>, ApiError> {
        let ids = match (self.prompt, self.messages) {
            (Some(text), None) if self.add_special_tokens => {
                tokenizer.encode_with_bos(&text, SpecialText::Parse)
            }
            (Some(text), None) => tokenizer.encode(&text, SpecialText::Parse),
            (None, Some(messages)) => tokenizer.encode_chat(&messages),
            _ => {
                let message = "expected either prompt or messages";
                return Err(ApiError::invalid("prompt", message));
            }
        };
        ids.map_err(|error| ApiError::invalid("prompt", error.to_string()))
    }
}

/// `POST /tokenize`: converts `prompt` or `messages` to `tokens`.
pub async fn tokenize(
    State(app): State<Arc<App>>,
    client: Client,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let request: Tokenize = fields(object(&body)?)?;
    app.check_model(request.model.as_deref())?;
    let bytes = request.bytes();
    if bytes > MAX_TEXT {
        let message = format!("the text has {bytes} bytes; at most {MAX_TEXT} are allowed");
        return Err(ApiError::invalid("prompt", message));
    }
    let tokenizer = Arc::clone(&app.tokenizer);
    let ids = app.workers.run(client, move || request.ids(&tokenizer));
    let ids = ids.await??;
    Ok(Json(json!({
        "count": ids.len(),
        "max_model_len": app.info.context_length,
        "tokens": ids,
    })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Detokenize {
    model: Option<String>,
    tokens: Vec<u32>,
}

/// `POST /detokenize`: converts `tokens` to `prompt`.
pub async fn detokenize(State(app): State<Arc<App>>, body: Bytes) -> Result<Json<Value>, ApiError> {
    let request: Detokenize = fields(object(&body)?)?;
    app.check_model(request.model.as_deref())?;
    let vocab = app.tokenizer.vocab_size();
    if let Some(id) = request.tokens.iter().find(|id| **id as usize >= vocab) {
        let message = format!("unknown token id {id}; expected one below {vocab}");
        return Err(ApiError::invalid("tokens", message));
    }
    Ok(Json(
        json!({ "prompt": app.tokenizer.decode(&request.tokens, false) }),
    ))
}
