//! HTTP requests to a server over `fetch`.

use js_sys::{Reflect, Uint8Array};
use leptos::prelude::window;
use llamaglass_openai::{
    ChunkReader, ServedModel, StreamItem, parse_completion, response_error, served_models,
};
use llamaglass_web::error_message;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortSignal, Headers, ReadableStreamDefaultReader, RequestInit, RequestMode, Response,
};

use super::desktop::{self, in_desktop};
use crate::server::{ApiKey, ServerError, host};

/// Returns the models of the server at `url`.
///
/// # Errors
/// Returns a [`ServerError`], also if `signal` aborted the request, which the caller can tell from the signal.
pub async fn models(
    url: &str,
    key: Option<&ApiKey>,
    signal: &AbortSignal,
) -> Result<Vec<ServedModel>, ServerError> {
    let response = request(&format!("{url}/models"), key, None, signal).await?;
    let body = bytes(&response, &host(url)).await?;
    let models = served_models(&body)?;
    if models.is_empty() {
        let host = host(url);
        return Err(ServerError::NoModels { host });
    }
    Ok(models)
}

/// Sends a request and returns the response once its headers arrive: POST if there is a body, otherwise GET.
///
/// # Errors
/// Returns a [`ServerError`], also for a status outside 200 to 299.
pub async fn request(
    url: &str,
    key: Option<&ApiKey>,
    body: Option<&str>,
    signal: &AbortSignal,
) -> Result<Response, ServerError> {
    let response = if in_desktop() {
        let authorization = key.map(ApiKey::header);
        let fetched = desktop::fetch(url, authorization, body, signal).await;
        fetched.map_err(|why| ServerError::Unanswered {
            host: host(url),
            why,
        })?
    } else {
        let init =
            init(key, body, signal).map_err(|error| ServerError::Request(error_message(&error)))?;
        let fetched = JsFuture::from(window().fetch_with_str_and_init(url, &init)).await;
        let Ok(response) = fetched else {
            return Err(unreachable_reason(url, signal).await);
        };
        response.unchecked_into()
    };
    let host = host(url);
    match response.status() {
        200..=299 => Ok(response),
        status @ (401 | 403) => Err(ServerError::Key { host, status }),
        status => {
            let message = response_error(&bytes(&response, &host).await?);
            Err(ServerError::Status {
                host,
                status,
                message,
            })
        }
    }
}

fn init(
    key: Option<&ApiKey>,
    body: Option<&str>,
    signal: &AbortSignal,
) -> Result<RequestInit, JsValue> {
    let headers = Headers::new()?;
    if let Some(key) = key {
        headers.set("Authorization", &key.header())?;
    }
    let init = RequestInit::new();
    init.set_method("GET");
    if let Some(body) = body {
        init.set_method("POST");
        headers.set("Content-Type", "application/json")?;
        init.set_body(&body.into());
    }
    init.set_headers(&headers);
    init.set_signal(Some(signal));
    Ok(init)
}

/// Finds out why a request failed, since browsers do not say. A `no-cors` request, whose response can't be read,
/// succeeds if a server answers. In that case only its CORS headers keep this page out.
async fn unreachable_reason(url: &str, signal: &AbortSignal) -> ServerError {
    let host = host(url);
    let origin = window().location().origin().unwrap_or_default();
    let init = RequestInit::new();
    init.set_mode(RequestMode::NoCors);
    init.set_signal(Some(signal));
    let answers = JsFuture::from(window().fetch_with_str_and_init(url, &init)).await;
    if answers.is_ok() {
        ServerError::Cors { host, origin }
    } else {
        ServerError::Unreachable { host, origin }
    }
}

/// Passes every piece of a streamed answer to `receive`, or the only piece of an answer that is not streamed.
pub async fn pieces(
    response: &Response,
    host: &str,
    mut receive: impl FnMut(StreamItem),
) -> Result<(), ServerError> {
    let kind = response.headers().get("Content-Type").ok().flatten();
    let streamed = !kind.is_some_and(|kind| kind.starts_with("application/json"));
    if !streamed {
        let chunk = parse_completion(&bytes(response, host).await?)?;
        receive(StreamItem::Chunk(Box::new(chunk)));
        return Ok(());
    }
    let broke = |error: JsValue| ServerError::Broke {
        host: host.to_owned(),
        why: error_message(&error),
    };
    let Some(body) = response.body() else {
        return Ok(());
    };
    let body = ReadableStreamDefaultReader::new(&body).map_err(broke)?;
    let mut reader = ChunkReader::default();
    loop {
        let next = JsFuture::from(body.read()).await.map_err(broke)?;
        let chunk = Reflect::get(&next, &"value".into()).unwrap_or_default();
        if chunk.is_undefined() {
            return Ok(());
        }
        for item in reader.push(&Uint8Array::new(&chunk).to_vec())? {
            if item == StreamItem::End {
                // Anything after the end marker is not part of the answer.
                let _closed = body.cancel();
                return Ok(());
            }
            receive(item);
        }
    }
}

async fn bytes(response: &Response, host: &str) -> Result<Vec<u8>, ServerError> {
    let broke = |error: JsValue| ServerError::Broke {
        host: host.to_owned(),
        why: error_message(&error),
    };
    let buffer = response.array_buffer().map_err(broke)?;
    let buffer = JsFuture::from(buffer).await.map_err(broke)?;
    Ok(Uint8Array::new(&buffer).to_vec())
}
