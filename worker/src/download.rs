//! Downloads a model from the page's own server once, verifies it, and stores it.

use js_sys::Uint8Array;
use llamaglass_engine::bytes::{BlobSource, ByteSource};
use llamaglass_session::catalog::CatalogModel;
use llamaglass_session::protocol::WindowReply;
use llamaglass_web::{error_message, property};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStreamDefaultReader, Request, RequestInit, Response};

use crate::js::{post, scope, sleep};
use crate::plan::{Continue, DownloadError, judge};
use crate::sink::Sink;
use crate::store::{self, Store};

/// Maximum number of retries in a row after a broken connection.
const ATTEMPTS: u32 = 4;

/// A fetched model.
pub struct Fetched {
    /// Bytes of the model.
    pub source: Box<dyn ByteSource>,
    /// True if the bytes are in the browser's storage and this tab holds the file.
    pub is_stored: bool,
}

/// Returns the bytes of `model`: from storage if they are complete, otherwise downloaded from the folder `base`,
/// which resumes an earlier download. `progress` receives the number of bytes that are available.
pub async fn fetch(
    model: &CatalogModel,
    base: &str,
    progress: &mut dyn FnMut(u64),
) -> Result<Fetched, DownloadError> {
    let store = Store::open().await;
    if let Some(store) = &store
        && let Some(source) = held_elsewhere(store, model).await
    {
        progress(model.bytes);
        return Ok(Fetched {
            source,
            is_stored: false,
        });
    }
    let (mut sink, store) = open_sink(store, model).await?;
    let storage = DownloadError::Storage;
    let verified = match &store {
        Some(store) => sink.len() == model.bytes && store.is_verified(&model.sha256).await,
        None => false,
    };
    if !verified {
        if sink.len() > model.bytes {
            sink.clear().map_err(storage)?;
        }
        sink.hash_existing(progress).map_err(storage)?;
        complete(&mut sink, model, base, progress).await?;
        sink.flush();
        if let Some(store) = &store {
            store.set_verified(&model.sha256, true).await;
        }
    }
    progress(model.bytes);
    let source = sink
        .into_source(&model.file)
        .map_err(|error| storage(error.to_string()))?;
    let is_stored = store.is_some();
    Ok(Fetched { source, is_stored })
}

/// Returns the verified file if another tab holds the only handle to it.
async fn held_elsewhere(store: &Store, model: &CatalogModel) -> Option<Box<dyn ByteSource>> {
    if !store.is_verified(&model.sha256).await {
        return None;
    }
    match store.handle(&model.sha256).await {
        Ok(handle) => {
            handle.close();
            None
        }
        Err(_) => {
            let file = store.snapshot(&model.sha256).await.ok()?;
            (file.size() as u64 == model.bytes).then(|| {
                Box::new(BlobSource::new(&*model.file, file.into())) as Box<dyn ByteSource>
            })
        }
    }
}

async fn open_sink(
    store: Option<Store>,
    model: &CatalogModel,
) -> Result<(Sink, Option<Store>), DownloadError> {
    let why = match store {
        None => "This browser keeps no files for this page".to_owned(),
        Some(store) => match store.handle(&model.sha256).await {
            Err(error) => format!(
                "The stored model can't be opened ({})",
                error_message(&error)
            ),
            Ok(handle) => {
                let sink = Sink::file(handle).map_err(DownloadError::Storage)?;
                let wanted = model.bytes.saturating_sub(sink.len());
                match store::free_bytes().await {
                    Some(free) if free < wanted => "The browser's storage has no room".to_owned(),
                    _ => return Ok((sink, Some(store))),
                }
            }
        },
    };
    let text = format!("{why}, so the model is held in memory and fetched again next time.");
    post(WindowReply::Notice { text });
    Ok((Sink::memory(), None))
}

/// Downloads until the sink has the whole model with the correct digest.
async fn complete(
    sink: &mut Sink,
    model: &CatalogModel,
    base: &str,
    progress: &mut dyn FnMut(u64),
) -> Result<(), DownloadError> {
    let url = format!("{base}{}", model.file);
    let (mut attempt, mut wrong) = (0, 0);
    loop {
        while sink.len() < model.bytes {
            let before = sink.len();
            match transfer(&url, sink, model.bytes, progress).await {
                Ok(()) => {}
                Err(DownloadError::Network { .. }) if attempt < ATTEMPTS => {
                    // A connection that made progress resets the retries.
                    attempt = if sink.len() > before { 1 } else { attempt + 1 };
                    sleep(500 * attempt as i32).await;
                }
                Err(error) => return Err(error),
            }
        }
        let found = sink.digest();
        if found == model.sha256 {
            return Ok(());
        }
        wrong += 1;
        if wrong == 2 {
            sink.clear().map_err(DownloadError::Storage)?;
            return Err(DownloadError::Digest {
                file: model.file.clone(),
                expected: model.sha256.clone(),
                found,
            });
        }
        sink.clear().map_err(DownloadError::Storage)?;
    }
}

/// Makes one request for the bytes after the end of the sink.
async fn transfer(
    url: &str,
    sink: &mut Sink,
    total: u64,
    progress: &mut dyn FnMut(u64),
) -> Result<(), DownloadError> {
    let broke = |error: JsValue| DownloadError::Network {
        url: url.into(),
        message: error_message(&error),
    };
    let storage = DownloadError::Storage;
    let from = sink.len();
    let init = RequestInit::new();
    init.set_method("GET");
    let request = Request::new_with_str_and_init(url, &init).map_err(broke)?;
    if from > 0 {
        let range = format!("bytes={from}-");
        request.headers().set("Range", &range).map_err(broke)?;
    }
    let response: Response = JsFuture::from(scope().fetch_with_request(&request))
        .await
        .map_err(broke)?
        .unchecked_into();
    let header = |name| response.headers().get(name).ok().flatten();
    // With a content encoding, the length counts the encoded bytes.
    let length = header("Content-Length")
        .filter(|_| header("Content-Encoding").is_none())
        .and_then(|n| n.parse().ok());
    let range = header("Content-Range");
    match judge(
        url,
        response.status(),
        range.as_deref(),
        length,
        from,
        total,
    )? {
        Continue::Append => {}
        Continue::FromStart => sink.clear().map_err(storage)?,
        Continue::Discard => return sink.clear().map_err(storage),
    }
    let Some(body) = response.body() else {
        return Err(broke("the answer has no body".into()));
    };
    let reader = ReadableStreamDefaultReader::new(&body).map_err(broke)?;
    loop {
        let next = JsFuture::from(reader.read()).await.map_err(broke)?;
        let Some(chunk) = property(&next, "value") else {
            break;
        };
        let chunk = Uint8Array::new(&chunk).to_vec();
        let found = sink.len() + chunk.len() as u64;
        if found > total {
            return Err(DownloadError::Size {
                url: url.into(),
                expected: total,
                found,
            });
        }
        sink.append(&chunk).map_err(storage)?;
        progress(sink.len());
    }
    if sink.len() < total {
        return Err(broke(JsValue::from_str(&format!(
            "the connection ended after {} of {total} bytes",
            sink.len()
        ))));
    }
    Ok(())
}
