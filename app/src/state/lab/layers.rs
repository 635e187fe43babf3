//! The layers around this page's engine, up to painting.

use leptos::prelude::*;
use llamaglass_lab::experiments::ladder::{Layer, Layers};
use llamaglass_lab::{LabError, asking};
use llamaglass_types::Request;
use llamaglass_types::stats::Record;

use super::super::{App, Turn, TurnState, frame, now};
use super::answers::{self, Answer};
use super::talk;
use super::watch::painted;
use crate::lab::{Job, Measured, Records};
use crate::protocol::EngineCommand;

/// Names of the layers, lowest first, with what each adds.
const LAYERS: [(&str, &str); 6] = [
    (
        "bare",
        "the model\u{2019}s calls in a loop in the worker, on its clock",
    ),
    (
        "worker",
        "requests from the page, which receives every token as a message; from here on its clock",
    ),
    ("text", "template and tokenizer before, detokenizer after"),
    (
        "scheduler",
        "queue, KV cache blocks, sampling settings, each token\u{2019}s text and timing as a message",
    ),
    (
        "paint",
        "the answer drawn as in the conversation, to the frame with its end",
    ),
    ("overlay", "the token timeline next to it"),
];

/// Answers requests through each layer of this page.
pub struct PageLayers {
    app: App,
    chat: bool,
    /// Token ids of the prompt, once it is encoded.
    ids: Option<Vec<u32>>,
    records: Records,
}

impl PageLayers {
    /// Creates the layers of this page's engine; `chat` is true if its model has a chat template.
    pub fn new(app: App, chat: bool) -> Self {
        Self {
            app,
            chat,
            ids: None,
            records: Records::default(),
        }
    }

    /// Returns the records of the requests.
    pub fn records(self) -> Vec<Record> {
        self.records.into_vec()
    }

    async fn ids(&mut self, prompt: &str) -> Result<Vec<u32>, LabError> {
        if let Some(ids) = &self.ids {
            return Ok(ids.clone());
        }
        let prompt = prompt.to_owned();
        let (encoded, _) = talk::measure(self.app, Job::Encode { prompt }).await?;
        self.ids = Some(encoded.ids.clone());
        Ok(encoded.ids)
    }

    async fn bare(
        &mut self,
        prompt: &str,
        tokens: usize,
        reports_tokens: bool,
    ) -> Result<(Measured, f64), LabError> {
        let ids = self.ids(prompt).await?;
        let begin = now();
        let (measured, picked) = talk::measure(
            self.app,
            Job::Bare {
                ids,
                tokens,
                reports_tokens,
            },
        )
        .await?;
        let ms = now() - begin;
        if reports_tokens {
            all_there(picked.len(), tokens)?;
        }
        Ok((measured, ms))
    }
}

impl Layers for PageLayers {
    fn layers(&self) -> Vec<Layer> {
        let layer = |(name, adds): (&str, &str)| Layer {
            name: name.to_owned(),
            adds: adds.to_owned(),
        };
        LAYERS.map(layer).to_vec()
    }

    async fn answer(&mut self, layer: usize, prompt: &str, tokens: usize) -> Result<f64, LabError> {
        let request = asking(self.chat, prompt, tokens);
        Ok(match layer {
            0 => self.bare(prompt, tokens, false).await?.0.ms,
            1 => self.bare(prompt, tokens, true).await?.1,
            2 => {
                let prompt = prompt.to_owned();
                let begin = now();
                let job = Job::Text { prompt, tokens };
                let (_, picked) = talk::measure(self.app, job).await?;
                all_there(picked.len(), tokens)?;
                now() - begin
            }
            3 => {
                self.app.send(EngineCommand::ClearCache, &[]);
                let answer = answers::whole(self.app, request, |_, _| {}).await?;
                let ms = now() - answer.begin_ms;
                all_there(answer.record.ids.len(), tokens)?;
                self.records.push(&answer.record);
                ms
            }
            layer => {
                let (answer, end_ms) = drawn(self.app, request, layer == 5).await?;
                all_there(answer.record.ids.len(), tokens)?;
                end_ms - answer.begin_ms
            }
        })
    }
}

/// Fails if a layer lost tokens.
fn all_there(found: usize, wanted: usize) -> Result<(), LabError> {
    if found == wanted {
        return Ok(());
    }
    let error = format!("{found} tokens arrived instead of {wanted}");
    Err(LabError::failed("an answer", error))
}

/// Sends a request with an empty cache and draws the answer as the conversation does, with or without the token
/// timeline. Also returns the time at which the frame with its end was painted.
///
/// # Errors
/// Returns a [`LabError`].
pub async fn drawn(app: App, request: Request, overlay: bool) -> Result<(Answer, f64), LabError> {
    app.send(EngineCommand::ClearCache, &[]);
    let before = app.shown.get_untracked();
    app.lab.draws_overlay.set(overlay);
    let mut turn = None;
    // Lets the page draw the changed layout first, so that it does not count toward the answer.
    painted().await;
    let answer = answers::whole(app, request, |heard, at| {
        let turn = turn.get_or_insert_with(|| stage(app, overlay));
        frame::push(app, turn.tag, heard.clone(), at);
    })
    .await;
    painted().await;
    let end = now();
    // Restores the page.
    app.lab.stage.set(None);
    app.lab.draws_overlay.set(false);
    if let Some(turn) = turn {
        app.stats.update_value(|stats| stats.forget(turn.tag));
    }
    frame::show(app, before);
    Ok((answer?, end))
}

/// Shows an empty answer on the lab's stage.
fn stage(app: App, overlay: bool) -> Turn {
    let tag = app.next_tag();
    let turn = Turn::new(tag, false, String::new(), TurnState::Streaming);
    app.stats
        .update_value(|stats| stats.submit(tag, now(), false));
    app.lab.stage.set(Some(turn.clone()));
    frame::show(app, overlay.then_some(tag));
    turn
}
