//! Keeps settings and the conversation across reloads.
//!
//! All tabs of a browser share its local storage. So one tab at a time keeps the conversation there, and any
//! other has a conversation of its own in its session storage ([`Keeper`]).

use std::cell::Cell;
use std::collections::BTreeMap;

use leptos::prelude::*;
use llamaglass_lab::Experiment;
use serde::{Deserialize, Serialize};
use web_sys::Storage;

use super::{App, Turn, TurnState};
use crate::lab::LabSettings;
use crate::settings::Settings;

const SETTINGS: &str = "llamaglass.settings";
const CHAT: &str = "llamaglass.chat";
const LAB: &str = "llamaglass.lab";

#[derive(Serialize, Deserialize)]
struct KeptTurn {
    is_user: bool,
    text: String,
    state: TurnState,
}

/// Where this tab keeps its conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keeper {
    /// In the browser's local storage: no other tab does.
    #[default]
    Browser,
    /// In the tab's own session storage, because another tab has the browser's conversation open.
    Tab,
}

thread_local! {
    static KEEPER: Cell<Keeper> = const { Cell::new(Keeper::Browser) };
}

/// Says where this tab keeps its conversation; called before the state is made.
pub fn set_keeper(keeper: Keeper) {
    KEEPER.set(keeper);
}

/// Storage shared by all tabs.
fn shared() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// Storage of this tab's conversation.
fn own() -> Option<Storage> {
    match KEEPER.get() {
        Keeper::Browser => shared(),
        Keeper::Tab => web_sys::window()?.session_storage().ok()?,
    }
}

fn read<T: for<'a> Deserialize<'a>>(storage: Option<Storage>, key: &str) -> Option<T> {
    serde_json::from_str(&storage?.get_item(key).ok()??).ok()
}

fn write<T: Serialize>(storage: Option<Storage>, key: &str, value: &T) {
    if let (Some(storage), Ok(json)) = (storage, serde_json::to_string(value)) {
        // Storage may be full or forbidden. The page works without it and forgets on reload.
        let _ = storage.set_item(key, &json);
    }
}

/// Reads what an earlier visit kept; what can't be read counts as absent.
pub(super) fn restore() -> (Settings, Vec<Turn>) {
    let kept: Vec<KeptTurn> = read(own(), CHAT).unwrap_or_default();
    let turns = (1..).zip(kept).map(|(tag, turn)| {
        let state = match turn.state {
            // The page was left while it was being made.
            TurnState::Streaming => TurnState::Aborted,
            state => state,
        };
        Turn::new(tag, turn.is_user, turn.text, state)
    });
    (
        read(shared(), SETTINGS).unwrap_or_default(),
        turns.collect(),
    )
}

/// Keeps the settings.
pub fn save_settings(app: App) {
    app.settings
        .with_untracked(|settings| write(shared(), SETTINGS, settings));
}

/// Keeps the conversation, with as much of a streaming answer as has been drawn.
pub fn save_chat(app: App) {
    let kept: Vec<KeptTurn> = app.turns.with_untracked(|turns| {
        let keep = |turn: &Turn| KeptTurn {
            is_user: turn.is_user,
            text: turn.text.get_untracked(),
            state: turn.state.get_untracked(),
        };
        turns.iter().map(keep).collect()
    });
    write(own(), CHAT, &kept);
}

/// How experiments were run last, as far as that can be read.
pub(super) fn restore_lab() -> BTreeMap<Experiment, LabSettings> {
    read(shared(), LAB).unwrap_or_default()
}

/// Keeps how experiments are run.
pub(super) fn save_lab(settings: &BTreeMap<Experiment, LabSettings>) {
    write(shared(), LAB, settings);
}
