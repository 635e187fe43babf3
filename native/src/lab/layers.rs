//! Layers around the engine of this program, up to HTTP.

use std::sync::Arc;

use axum::body::Body;
use axum::http;
use futures::StreamExt;
use llamaglass_driver::EngineHandle;
use llamaglass_engine::event::Event;
use llamaglass_engine::platform::Stopwatch;
use llamaglass_engine::tokenizer::Tokenizer;
use llamaglass_lab::dataset::Row;
use llamaglass_lab::experiments::ablate::Timed;
use llamaglass_lab::experiments::ladder::{Layer, Layers};
use llamaglass_lab::{LabError, asking};
use llamaglass_runner::bare::encode;
use tower::ServiceExt;

use super::shell::Shell;
use crate::cli::Protocol;
use crate::load_client::{AnswerReader, RequestSettings, Target};

/// Name of each layer, and what it adds; lowest first.
const LAYERS: [(&str, &str); 6] = [
    (
        "bare",
        "the model\u{2019}s calls in a loop on the engine\u{2019}s thread",
    ),
    (
        "thread",
        "requests from another thread, which receives every token",
    ),
    ("text", "template and tokenizer before, detokenizer after"),
    (
        "scheduler",
        "queue, KV cache blocks, sampling settings, events",
    ),
    (
        "stream",
        "the server\u{2019}s request and its stream of JSON, without a socket",
    ),
    ("http", "HTTP over a local socket"),
];

/// Access to the layers of a [`Shell`].
pub struct ShellLayers<'a> {
    shell: &'a Shell,
    handle: EngineHandle,
    tokenizer: Arc<Tokenizer>,
    target: Target,
}

impl<'a> ShellLayers<'a> {
    /// Creates the layers of `shell`, whose server is `target`.
    pub fn new(shell: &'a Shell, target: Target) -> Self {
        Self {
            handle: shell.handle().clone(),
            tokenizer: Arc::clone(shell.tokenizer()),
            shell,
            target,
        }
    }

    /// Returns the prompt's token ids as the server computes them.
    fn ids(&self, prompt: &str) -> Result<Vec<u32>, LabError> {
        let row = Row {
            prompt: prompt.to_owned(),
            reference: None,
        };
        let encoded = encode(&self.tokenizer, &row);
        Ok(encoded
            .map_err(|error| LabError::failed("the prompt", error))?
            .0)
    }

    /// Runs the model's bare loop on the engine's thread. Returns the token ids and the milliseconds on that
    /// thread.
    pub fn bare(&self, prompt: &str, tokens: usize) -> Result<(Vec<u32>, f64), LabError> {
        let ids = self.ids(prompt)?;
        let run = self.handle.with(move |engine| {
            let watch = Stopwatch::start();
            let run = pollster::block_on(engine.bare(&ids, tokens, &mut |_| {}));
            run.map(|run| (run.ids, watch.ms()))
        });
        let run = run.map_err(|error| LabError::failed("bare", error))?;
        run.map_err(|error| LabError::failed("bare", error))
    }

    /// Runs the bare loop and receives every token id on this thread; calls `visit` for each.
    fn thread(
        &self,
        ids: Vec<u32>,
        tokens: usize,
        visit: &mut dyn FnMut(),
    ) -> Result<Vec<u32>, LabError> {
        let (sender, received) = std::sync::mpsc::channel();
        let sent = self.handle.with_later(move |engine| {
            // The receiver may be gone, which is fine.
            let mut send = |id| drop(sender.send(Ok(id)));
            if let Err(error) = pollster::block_on(engine.bare(&ids, tokens, &mut send)) {
                let _gone = sender.send(Err(LabError::failed("thread", error)));
            }
        });
        sent.map_err(|error| LabError::failed("thread", error))?;
        received.iter().inspect(|_| visit()).collect()
    }

    /// Runs [`Self::bare`] with the times of its first and further tokens.
    pub fn timed_bare(&self, prompt: &str, tokens: usize) -> Result<Timed, LabError> {
        let ids = self.ids(prompt)?;
        let run = self
            .handle
            .with(move |engine| pollster::block_on(engine.bare(&ids, tokens, &mut |_| {})));
        let run = run.map_err(|error| LabError::failed("bare", error))?;
        let run = run.map_err(|error| LabError::failed("bare", error))?;
        Ok(Timed {
            ttft_ms: run.prefill_ms,
            rest_ms: run.steps_ms.iter().sum(),
            ids: run.ids,
        })
    }

    /// Runs [`Self::thread`] with the same times, on this thread's clock.
    pub fn timed_thread(&self, prompt: &str, tokens: usize) -> Result<Timed, LabError> {
        let ids = self.ids(prompt)?;
        let watch = Stopwatch::start();
        let mut first = None;
        let ids = self.thread(ids, tokens, &mut || {
            first.get_or_insert_with(|| watch.ms());
        })?;
        let (all, ttft_ms) = (watch.ms(), first.unwrap_or(f64::NAN));
        Ok(Timed {
            ttft_ms,
            rest_ms: all - ttft_ms,
            ids,
        })
    }

    /// Returns the token ids of a request through the scheduler; the caller checks their number.
    pub async fn scheduler(&self, prompt: &str, tokens: usize) -> Result<Vec<u32>, LabError> {
        let request = asking(self.tokenizer.has_chat_template(), prompt, tokens);
        let response = self.handle.submit(request);
        let mut response = response.map_err(|error| LabError::failed("scheduler", error))?;
        let mut ids = Vec::with_capacity(tokens);
        while let Some(event) = response.next().await {
            match event {
                Event::Token { id, .. } => ids.push(id),
                Event::Failed { error, .. } => return Err(LabError::failed("scheduler", error)),
                _ => {}
            }
        }
        Ok(ids)
    }

    fn request_settings(&self, tokens: usize) -> RequestSettings {
        RequestSettings {
            protocol: Protocol::Openai,
            stream: true,
            raw: !self.tokenizer.has_chat_template(),
            max_tokens: tokens,
            temperature: 0.0,
            seed: 0,
            ignore_eos: true,
            timings: false,
        }
    }

    /// Returns the body of the server's streamed response, without a socket.
    async fn stream(&self, settings: &RequestSettings, prompt: &str) -> Result<Vec<u8>, LabError> {
        let failed = |error: String| LabError::failed("stream", error);
        let request = self.target.prepare(settings, prompt);
        let request = request.map_err(|error| failed(error.to_string()))?;
        let body = request.body().and_then(|body| body.as_bytes());
        let request = http::Request::post(request.url().path())
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.unwrap_or_default().to_vec()))
            .map_err(|error| failed(error.to_string()))?;
        let response = self.shell.router.clone().oneshot(request).await;
        let response = response.map_err(|error| failed(error.to_string()))?;
        let mut bytes = Vec::new();
        let mut chunks = response.into_body().into_data_stream();
        while let Some(chunk) = chunks.next().await {
            bytes.extend(chunk.map_err(|error| failed(error.to_string()))?);
        }
        Ok(bytes)
    }

    async fn http(&self, settings: &RequestSettings, prompt: &str) -> Result<Vec<u8>, LabError> {
        let failed = |error: reqwest::Error| LabError::failed("http", error);
        let request = self.target.prepare(settings, prompt);
        let request = request.map_err(|error| LabError::failed("http", error))?;
        let mut response = self.target.client.execute(request).await.map_err(failed)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            bytes.extend(chunk);
        }
        Ok(bytes)
    }
}

/// Returns the number of tokens that a response reports.
fn tokens_of(settings: &RequestSettings, bytes: &[u8]) -> Result<usize, LabError> {
    let parts = AnswerReader::new(settings).push(bytes);
    let parts = parts.map_err(|error| LabError::failed("reading an answer", error))?;
    let tokens = parts.iter().filter_map(|part| part.tokens).next_back();
    tokens.ok_or_else(|| {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]);
        LabError::failed("an answer without its number of tokens", text)
    })
}

impl Layers for ShellLayers<'_> {
    fn layers(&self) -> Vec<Layer> {
        let layer = |(name, adds): &(&str, &str)| Layer {
            name: (*name).to_owned(),
            adds: (*adds).to_owned(),
        };
        LAYERS.iter().map(layer).collect()
    }

    async fn answer(&mut self, layer: usize, prompt: &str, tokens: usize) -> Result<f64, LabError> {
        let name = LAYERS.get(layer).map_or("", |layer| layer.0);
        let cleared = self.handle.clear_cache();
        cleared.map_err(|error| LabError::failed(name, error))?;
        // Work that is not part of the layer is done before the clock starts.
        let (ids, settings) = (self.ids(prompt)?, self.request_settings(tokens));
        let watch = Stopwatch::start();
        let (sampled, ms) = match layer {
            0 => {
                let (ids, ms) = self.bare(prompt, tokens)?;
                (ids.len(), ms)
            }
            1 => (self.thread(ids, tokens, &mut || {})?.len(), watch.ms()),
            2 => {
                let ids = self.thread(self.ids(prompt)?, tokens, &mut || {})?;
                let text = self.tokenizer.decode(&ids, true);
                let ms = watch.ms();
                drop(text);
                (ids.len(), ms)
            }
            3 => (self.scheduler(prompt, tokens).await?.len(), watch.ms()),
            4 => {
                let bytes = self.stream(&settings, prompt).await?;
                let ms = watch.ms();
                (tokens_of(&settings, &bytes)?, ms)
            }
            _ => {
                let bytes = self.http(&settings, prompt).await?;
                let ms = watch.ms();
                (tokens_of(&settings, &bytes)?, ms)
            }
        };
        if sampled != tokens {
            let error = format!("{sampled} tokens were sampled instead of {tokens}");
            return Err(LabError::failed(name, error));
        }
        Ok(ms)
    }
}
