//! The conversation.

use leptos::prelude::*;
use llamaglass_types::Message;

use super::app::{App, now};
use super::data::{Turn, TurnState};
use super::frame;
use crate::protocol::EngineCommand;
use crate::settings::SEEDS;
use crate::stats::SessionStats;

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
            app.stats.update_value(|stats| stats.remove(last.tag));
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

/// Clears the conversation and the engine's KV cache. A server manages its own cache.
pub fn clear(app: App) {
    stop(app);
    app.running.set(None);
    app.turns.set(Vec::new());
    app.stats.update_value(SessionStats::clear);
    frame::show(app, None);
    app.send(EngineCommand::ClearCache, &[]);
    app.save_chat();
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
    frame::show(app, Some(tag));
    app.send(EngineCommand::Submit { tag, request }, &[]);
    app.save_chat();
}
