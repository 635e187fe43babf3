//! The conversation.

use leptos::prelude::*;
use llamaglass_engine::tokenizer::Message;
use serde::{Deserialize, Serialize};

use super::{App, now, storage};
use crate::protocol::{Command, Tag};

/// One turn of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Its number; an answer's is its request's.
    pub tag: Tag,
    /// Whether the user said it.
    pub is_user: bool,
    /// What was said, so far.
    pub text: RwSignal<String>,
    /// How it is.
    pub state: RwSignal<TurnState>,
    /// The ids of the answer so far, with commas between.
    pub ids: RwSignal<String>,
}

/// How a turn is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnState {
    /// It is being made.
    Streaming,
    /// It is whole.
    Done,
    /// It is cut off at the most tokens that were allowed.
    Cut,
    /// The user stopped it.
    Aborted,
    /// It failed, for this reason.
    Failed(String),
}

impl TurnState {
    /// The state's name in test hooks and styles.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Streaming => "streaming",
            Self::Done | Self::Cut => "done",
            Self::Aborted => "aborted",
            Self::Failed(_) => "failed",
        }
    }
}

impl Turn {
    pub(super) fn new(tag: Tag, is_user: bool, text: String, state: TurnState) -> Self {
        Self {
            tag,
            is_user,
            text: RwSignal::new(text),
            state: RwSignal::new(state),
            ids: RwSignal::new(String::new()),
        }
    }

    fn message(&self) -> Message {
        Message {
            role: if self.is_user { "user" } else { "assistant" }.into(),
            content: self.text.get_untracked(),
        }
    }
}

/// Says `text` to the model.
pub fn send(app: App, text: String) {
    if text.trim().is_empty() || app.running.get_untracked().is_some() {
        return;
    }
    let turn = Turn::new(app.next_tag(), true, text, TurnState::Done);
    app.turns.update(|turns| turns.push(turn));
    answer(app);
}

/// Has the last answer made again.
pub fn regenerate(app: App) {
    if app.running.get_untracked().is_some() {
        return;
    }
    app.turns.update(|turns| {
        while let Some(last) = turns.last().filter(|turn| !turn.is_user) {
            app.stats.update_value(|stats| stats.forget(last.tag));
            turns.pop();
        }
    });
    answer(app);
}

/// Stops the answer that is being made.
pub fn stop(app: App) {
    if let Some(tag) = app.running.get_untracked() {
        app.send(&Command::Abort { tag }, &[]);
    }
}

/// Forgets the conversation, here and in the engine's KV cache; a server has its own ways.
pub fn clear(app: App) {
    stop(app);
    app.running.set(None);
    app.turns.set(Vec::new());
    app.stats.update_value(crate::stats::SessionStats::clear);
    super::frame::show(app, None);
    app.send(&Command::ClearCache, &[]);
    storage::save_chat(app);
}

fn answer(app: App) {
    let messages: Vec<Message> = app
        .turns
        .with_untracked(|turns| turns.iter().map(Turn::message).collect());
    if messages.last().is_none_or(|last| last.role != "user") {
        return;
    }
    let request = app.settings.with_untracked(|s| s.request(messages));
    let tag = app.next_tag();
    let turn = Turn::new(tag, false, String::new(), TurnState::Streaming);
    app.turns.update(|turns| turns.push(turn));
    app.running.set(Some(tag));
    app.error.set(None);
    let at_server = app.server().is_some();
    app.stats
        .update_value(|stats| stats.submit(tag, now(), at_server));
    super::frame::show(app, Some(tag));
    app.send(&Command::Submit { tag, request }, &[]);
    storage::save_chat(app);
}
