//! Saves settings and the conversation across reloads.
//!
//! All tabs of a browser share its local storage. So one tab at a time saves its conversation there, and every
//! other tab has its own conversation in its session storage ([`ChatStorage`]).

use std::cell::Cell;
use std::collections::BTreeMap;

use leptos::prelude::*;
use llamaglass_lab::Experiment;
use serde::{Deserialize, Serialize};
use web_sys::Storage;

use super::turn::{Turn, TurnState};
use crate::lab::LabSettings;
use crate::settings::Settings;

const SETTINGS: &str = "llamaglass.settings";
const CHAT: &str = "llamaglass.chat";
const LAB: &str = "llamaglass.lab";

#[derive(Serialize, Deserialize)]
struct SavedTurn {
    is_user: bool,
    text: String,
    state: TurnState,
}

/// Storage of this tab's conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChatStorage {
    /// The browser's local storage, which no other tab uses for its conversation.
    #[default]
    Shared,
    /// The tab's own session storage, because another tab has the browser's conversation open.
    Tab,
}

thread_local! {
    static CHAT_STORAGE: Cell<ChatStorage> = const { Cell::new(ChatStorage::Shared) };
}

/// Sets the storage of this tab's conversation; called before the state is created.
pub fn set_chat_storage(storage: ChatStorage) {
    CHAT_STORAGE.set(storage);
}

/// Returns the storage that all tabs share.
fn shared() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// Returns the storage of this tab's conversation.
fn own() -> Option<Storage> {
    match CHAT_STORAGE.get() {
        ChatStorage::Shared => shared(),
        ChatStorage::Tab => web_sys::window()?.session_storage().ok()?,
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
pub fn restore() -> (Settings, Vec<Turn>) {
    let saved: Vec<SavedTurn> = read(own(), CHAT).unwrap_or_default();
    let turns = (1..).zip(saved).map(|(tag, turn)| {
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
pub fn save_settings(settings: &Settings) {
    write(shared(), SETTINGS, settings);
}

/// Saves the conversation, with as much of a streaming answer as has been drawn.
pub fn save_chat(turns: &[Turn]) {
    let save = |turn: &Turn| SavedTurn {
        is_user: turn.is_user,
        text: turn.text.get_untracked(),
        state: turn.state.get_untracked(),
    };
    let saved: Vec<SavedTurn> = turns.iter().map(save).collect();
    write(own(), CHAT, &saved);
}

/// Restores the saved settings of experiments, if they can be read.
pub fn restore_lab() -> BTreeMap<Experiment, LabSettings> {
    read(shared(), LAB).unwrap_or_default()
}

/// Saves the settings of experiments.
pub fn save_lab(settings: &BTreeMap<Experiment, LabSettings>) {
    write(shared(), LAB, settings);
}
