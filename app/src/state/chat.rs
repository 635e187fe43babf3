//! The conversation.

use leptos::prelude::*;
use llamaglass_types::Message;
use serde::{Deserialize, Serialize};

use super::{App, now, storage};
use crate::protocol::{EngineCommand, Tag};
use crate::settings::SEEDS;

/// One turn of the conversation.
///
/// Turns are made inside event handlers and outlive the component whose handler made them. Their signals
/// are therefore reference counted: a plain `RwSignal` belongs to the reactive owner that is current where
/// it is made, here the component, and is disposed with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Number of the turn; an answer shares it with its request.
    pub tag: Tag,
    /// True for a message of the user, false for an answer.
    pub is_user: bool,
    /// Text so far.
    pub text: ArcRwSignal<String>,
    /// State of an answer; a user's turn is always done.
    pub state: ArcRwSignal<TurnState>,
    /// Token ids of the answer so far, separated by commas.
    pub ids: ArcRwSignal<String>,
}

/// State of a turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnState {
    /// Tokens are still arriving.
    Streaming,
    /// The model ended it.
    Done,
    /// It reached the token limit.
    Cut,
    /// The user stopped it.
    Aborted,
    /// The page stopped it because it repeated itself without end.
    Repeating,
    /// It failed, for this reason.
    Failed(String),
}

impl TurnState {
    /// The state's name in test hooks and styles.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Streaming => "streaming",
            Self::Done | Self::Cut => "done",
            Self::Aborted | Self::Repeating => "aborted",
            Self::Failed(_) => "failed",
        }
    }
}

impl Turn {
    pub(super) fn new(tag: Tag, is_user: bool, text: String, state: TurnState) -> Self {
        Self {
            tag,
            is_user,
            text: ArcRwSignal::new(text),
            state: ArcRwSignal::new(state),
            ids: ArcRwSignal::new(String::new()),
        }
    }

    fn message(&self) -> Message {
        Message {
            role: if self.is_user { "user" } else { "assistant" }.into(),
            content: self.text.get_untracked(),
        }
    }
}

/// Sends `text` to the model, unless the page can't send now.
pub fn send(app: App, text: String) {
    if text.trim().is_empty() || !untrack(|| app.can_send()) {
        return;
    }
    let turn = Turn::new(app.next_tag(), true, text, TurnState::Done);
    app.turns.update(|turns| turns.push(turn));
    answer(app);
}

/// Replaces the last answer by a new one, unless the page can't send now.
pub fn regenerate(app: App) {
    if !untrack(|| app.can_send()) {
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

/// Stops the running answer.
pub fn stop(app: App) {
    if let Some(tag) = app.running.get_untracked() {
        app.send(EngineCommand::Abort { tag }, &[]);
    }
}

/// Stops the answer `tag` because it repeats itself without end; its turn then says so.
pub(super) fn stop_repetition(app: App, tag: Tag) {
    if app.running.get_untracked() == Some(tag) && app.inner().repeating.replace(tag) != tag {
        app.send(EngineCommand::Abort { tag }, &[]);
    }
}

/// Clears the conversation and the engine's KV cache. A server manages its own cache.
pub fn clear(app: App) {
    stop(app);
    app.running.set(None);
    app.turns.set(Vec::new());
    app.stats.update_value(crate::stats::SessionStats::clear);
    super::frame::show(app, None);
    app.send(EngineCommand::ClearCache, &[]);
    storage::save_chat(app);
}

fn answer(app: App) {
    let messages: Vec<Message> = app
        .turns
        .with_untracked(|turns| turns.iter().map(Turn::message).collect());
    if messages.last().is_none_or(|last| last.role != "user") {
        return;
    }
    let fresh_seed = (js_sys::Math::random() * SEEDS as f64) as u64;
    let request = app
        .settings
        .with_untracked(|settings| settings.request(messages, fresh_seed));
    let tag = app.next_tag();
    let turn = Turn::new(tag, false, String::new(), TurnState::Streaming);
    app.turns.update(|turns| turns.push(turn));
    app.running.set(Some(tag));
    app.error.set(None);
    let at_server = app.server().is_some();
    app.stats
        .update_value(|stats| stats.submit(tag, now(), at_server));
    super::frame::show(app, Some(tag));
    app.send(EngineCommand::Submit { tag, request }, &[]);
    storage::save_chat(app);
}
