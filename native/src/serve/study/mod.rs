//! The study's own protocol: `/models/{name}/generate` and `/generate_stream`.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::sse::{Event as Piece, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, StreamExt};
use llamaglass_engine::event::Event;
use llamaglass_engine::sampling::SamplingOptions;
use llamaglass_engine::scheduler::{Input, Request};
use llamaglass_engine::stats::Record;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answering::Answering;
use super::api_error::ApiError;
use super::app::{App, object};
use super::client::Client;
use super::openai::{fields, finish};

/// Tokens of an answer where nothing is said.
const DEFAULT_TOKENS: usize = 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Generate {
    inputs: String,
    #[serde(default)]
    parameters: Parameters,
    #[serde(default)]
    stream: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Parameters {
    do_sample: bool,
    temperature: Option<f32>,
    top_k: Option<usize>,
    top_p: Option<f32>,
    repetition_penalty: Option<f32>,
    max_new_tokens: Option<usize>,
    seed: Option<u64>,
    stop: Vec<String>,
    return_full_text: bool,
}

impl Generate {
    fn request(&self) -> Result<Request, ApiError> {
        let asked = &self.parameters;
        if !asked.do_sample {
            let drawn = [
                ("temperature", asked.temperature.is_some()),
                ("top_k", asked.top_k.is_some()),
                ("top_p", asked.top_p.is_some()),
                ("seed", asked.seed.is_some()),
            ];
            if let Some((name, _)) = drawn.into_iter().find(|(_, given)| *given) {
                let message = format!("{name} needs do_sample to be true");
                return Err(ApiError::invalid(name, message));
            }
        }
        let temperature = if asked.do_sample {
            asked.temperature.unwrap_or(1.0)
        } else {
            0.0
        };
        let sampling = SamplingOptions {
            temperature,
            top_k: asked.top_k.unwrap_or(0),
            top_p: asked.top_p.unwrap_or(1.0),
            repetition_penalty: asked.repetition_penalty.unwrap_or(1.0),
            seed: asked.seed.unwrap_or_else(rand::random),
            ..SamplingOptions::default()
        };
        let valid = sampling.validate();
        valid.map_err(|error| ApiError::of_setting(&error))?;
        Ok(Request {
            sampling,
            stop: asked.stop.clone(),
            max_tokens: Some(asked.max_new_tokens.unwrap_or(DEFAULT_TOKENS)),
            logprobs: Some(0),
            ..Request::new(Input::Text(self.inputs.clone()))
        })
    }

    /// What is answered, with what was asked before it where that is wanted.
    fn text(&self, record: &Record) -> String {
        if self.parameters.return_full_text {
            format!("{}{}", self.inputs, record.text)
        } else {
            record.text.clone()
        }
    }
}

/// `POST /models/{name}/generate`
pub async fn generate(
    app: State<Arc<App>>,
    client: Client,
    name: Path<String>,
    body: Bytes,
) -> Answered {
    answer(app, client, name, body, false).await
}

/// `POST /models/{name}/generate_stream`
pub async fn generate_stream(
    app: State<Arc<App>>,
    client: Client,
    name: Path<String>,
    body: Bytes,
) -> Answered {
    answer(app, client, name, body, true).await
}

type Answered = Result<Response, ApiError>;

async fn answer(
    State(app): State<Arc<App>>,
    client: Client,
    Path(name): Path<String>,
    body: Bytes,
    stream: bool,
) -> Answered {
    app.check_model(Some(&name))?;
    let asked: Generate = fields(object(&body)?)?;
    let answering = app.submit(client, asked.request()?).await?;
    if stream || asked.stream {
        return Ok(pieces(app, asked, answering));
    }
    whole(&app, &asked, answering).await
}

async fn whole(app: &App, asked: &Generate, mut answering: Answering) -> Answered {
    let mut tokens = Vec::new();
    let reason = finish(&mut answering, |id, _, logprobs| {
        tokens.push(token(app, id, logprobs.map(|of| of.logprob)));
    })
    .await?;
    let record = &answering.record;
    let answer = json!({
        "generated_text": asked.text(record),
        "finish_reason": reason.name(),
        "generated_tokens": tokens.len(),
        "tokens": tokens,
        "details": record.summary(),
    });
    Ok(Json(answer).into_response())
}

/// A piece a token; the last one has the whole text, and the details.
fn pieces(app: Arc<App>, asked: Generate, answering: Answering) -> Response {
    let asked = Arc::new(asked);
    let pieces = stream::unfold(Some(answering), move |answering| {
        let (app, asked) = (Arc::clone(&app), Arc::clone(&asked));
        async move {
            let mut answering = answering?;
            loop {
                match answering.next().await {
                    Event::Token {
                        id, text, logprobs, ..
                    } => {
                        let mut token = token(&app, id, logprobs.map(|of| of.logprob));
                        token["text"] = text.into();
                        let piece =
                            json!({ "token": token, "generated_text": null, "details": null });
                        return Some((piece, Some(answering)));
                    }
                    Event::Done {
                        text,
                        finish_reason,
                        ..
                    } => {
                        let record = &answering.record;
                        let piece = json!({
                            "token": null,
                            "text": text,
                            "generated_text": asked.text(record),
                            "finish_reason": finish_reason.name(),
                            "generated_tokens": record.ids.len(),
                            "details": record.summary(),
                        });
                        return Some((piece, None));
                    }
                    Event::Failed { error, fault, .. } => {
                        return Some((ApiError::of_engine(error, fault).object(), None));
                    }
                    _ => {}
                }
            }
        }
    });
    let pieces =
        pieces.map(|piece: Value| Ok::<_, Infallible>(Piece::default().data(piece.to_string())));
    Sse::new(pieces)
        .keep_alive(KeepAlive::default())
        .into_response()
}

fn token(app: &App, id: u32, logprob: Option<f32>) -> Value {
    let tokenizer = &app.tokenizer;
    let bytes = tokenizer.piece(id).unwrap_or_default();
    json!({
        "id": id,
        "logprob": logprob,
        "special": tokenizer.is_special(id),
        "text": String::from_utf8_lossy(bytes),
    })
}
