//! Saves settings and the conversation across reloads.
//!
//! All tabs of a browser share its local storage. So one tab at a time saves its conversation there, and every
//! other tab has its own conversation in its session storage ([`Keeper`]).

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

/// Storage of this tab's conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keeper {
    /// The browser's local storage, which no other tab uses for its conversation.
    #[default]
    Browser,
    /// The tab's own session storage, because another tab has the browser's conversation open.
    Tab,
}

thread_local! {
    static KEEPER: Cell<Keeper> = const { Cell::new(Keeper::Browser) };
}

/// Sets the storage of this tab's conversation; called before the state is created.
pub fn set_keeper(keeper: Keeper) {
    KEEPER.set(keeper);
}

/// Returns the storage that all tabs share.
fn shared() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// Returns the storage of this tab's conversation.
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

/// Restores what an earlier visit saved; unreadable values count as absent.
pub(super) fn restore() -> (Settings, Vec<Turn>) {
    let kept: Vec<KeptTurn> = read(own(), CHAT).unwrap_or_default();
    let turns = (1..).zip(kept).map(|(tag, turn)| {
        let state = match turn.state {
            // The page was left while this answer was running.
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

/// Saves the settings.
pub fn save_settings(app: App) {
    app.settings
        .with_untracked(|settings| write(shared(), SETTINGS, settings));
}

/// Saves the conversation, with as much of a streaming answer as has been drawn.
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

/// Restores the saved settings of experiments, if they can be read.
pub(super) fn restore_lab() -> BTreeMap<Experiment, LabSettings> {
    read(shared(), LAB).unwrap_or_default()
}

/// Saves the settings of experiments.
pub(super) fn save_lab(settings: &BTreeMap<Experiment, LabSettings>) {
    write(shared(), LAB, settings);
}
