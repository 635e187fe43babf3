//! The layers around this page's engine, up to painting.

use leptos::prelude::*;
use llamaglass_lab::experiments::ladder::{Layer, Layers};
use llamaglass_lab::{LabError, asking};
use llamaglass_types::Request;
use llamaglass_types::stats::Record;

use super::super::app::{App, now};
use super::super::data::{Turn, TurnState};
use super::super::frame;
use super::answers::{self, Answer};
use super::requests;
use super::watch::painted;
use crate::lab::{Job, Measured, Records};
use crate::protocol::EngineCommand;

/// A layer around this page's engine.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PageLayer {
    Bare,
    Worker,
    Text,
    Scheduler,
    Paint,
    Overlay,
}

impl PageLayer {
    /// All layers, lowest first.
    const ALL: [Self; 6] = [
        Self::Bare,
        Self::Worker,
        Self::Text,
        Self::Scheduler,
        Self::Paint,
        Self::Overlay,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Worker => "worker",
            Self::Text => "text",
            Self::Scheduler => "scheduler",
            Self::Paint => "paint",
            Self::Overlay => "overlay",
        }
    }

    /// Describes what the layer adds to the one below.
    const fn adds(self) -> &'static str {
        match self {
            Self::Bare => "the model\u{2019}s calls in a loop in the worker, on its clock",
            Self::Worker => {
                "requested by the page, which receives every token id as a message; from here on the page\u{2019}s clock"
            }
            Self::Text => "chat template and tokenizer before, detokenizer after",
            Self::Scheduler => {
                "queue, KV cache blocks, sampling settings, and a message with each token\u{2019}s text and timing"
            }
            Self::Paint => {
                "the answer drawn as in the conversation, up to the frame that shows its end"
            }
            Self::Overlay => "the token timeline drawn next to it",
        }
    }
}

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
        let (encoded, _) = requests::measure(self.app, Job::Encode { prompt }).await?;
        self.ids = Some(encoded.ids.clone());
        Ok(encoded.ids)
    }

    async fn bare(
        &mut self,
        prompt: &str,
        tokens: usize,
        report_tokens: bool,
    ) -> Result<(Measured, f64), LabError> {
        let ids = self.ids(prompt).await?;
        let begin = now();
        let (measured, arrivals_ms) = requests::measure(
            self.app,
            Job::Bare {
                ids,
                tokens,
                reports_tokens: report_tokens,
            },
        )
        .await?;
        let ms = now() - begin;
        if report_tokens {
            check_count(arrivals_ms.len(), tokens)?;
        }
        Ok((measured, ms))
    }
}

impl Layers for PageLayers {
    fn layers(&self) -> Vec<Layer> {
        let layer = |layer: PageLayer| Layer {
            name: layer.name().to_owned(),
            adds: layer.adds().to_owned(),
        };
        PageLayer::ALL.map(layer).to_vec()
    }

    async fn answer(&mut self, layer: usize, prompt: &str, tokens: usize) -> Result<f64, LabError> {
        let request = asking(self.chat, prompt, tokens);
        Ok(match PageLayer::ALL[layer] {
            PageLayer::Bare => self.bare(prompt, tokens, false).await?.0.ms,
            PageLayer::Worker => self.bare(prompt, tokens, true).await?.1,
            PageLayer::Text => {
                let prompt = prompt.to_owned();
                let begin = now();
                let job = Job::Text { prompt, tokens };
                let (_, arrivals_ms) = requests::measure(self.app, job).await?;
                check_count(arrivals_ms.len(), tokens)?;
                now() - begin
            }
            PageLayer::Scheduler => {
                self.app.send(EngineCommand::ClearCache, &[]);
                let answer = answers::complete(self.app, request, |_, _| {}).await?;
                let ms = now() - answer.begin_ms;
                check_count(answer.record.ids.len(), tokens)?;
                self.records.push(&answer.record);
                ms
            }
            layer @ (PageLayer::Paint | PageLayer::Overlay) => {
                let overlay = layer == PageLayer::Overlay;
                let (answer, end_ms) = drawn(self.app, request, overlay).await?;
                check_count(answer.record.ids.len(), tokens)?;
                end_ms - answer.begin_ms
            }
        })
    }
}

/// Fails if a layer lost tokens.
fn check_count(found: usize, wanted: usize) -> Result<(), LabError> {
    if found == wanted {
        return Ok(());
    }
    let error = format!("{found} tokens arrived instead of {wanted}");
    Err(LabError::failed("an answer", error))
}

/// Sends a request with an empty cache and draws the answer as the conversation does, with or without the token
/// timeline. Also returns the time at which the frame with its end was painted.
pub async fn drawn(app: App, request: Request, overlay: bool) -> Result<(Answer, f64), LabError> {
    app.send(EngineCommand::ClearCache, &[]);
    let before = app.shown.get_untracked();
    app.lab.draws_overlay.set(overlay);
    let mut turn = None;
    // Lets the page draw the changed layout first, so that it does not count toward the answer.
    painted().await;
    let answer = answers::complete(app, request, |event, at| {
        let turn = turn.get_or_insert_with(|| stage(app, overlay));
        frame::push(app, turn.tag, event.clone(), at);
    })
    .await;
    painted().await;
    let end = now();
    // Restores the page.
    app.lab.stage.set(None);
    app.lab.draws_overlay.set(false);
    if let Some(turn) = turn {
        app.stats.update_value(|stats| stats.remove(turn.tag));
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
