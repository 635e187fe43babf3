//! What survives a reload: settings and the conversation, in the browser's local storage.

use std::collections::BTreeMap;

use leptos::prelude::*;
use llamaglass_engine::lab::Experiment;
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

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

fn read<T: for<'a> Deserialize<'a>>(key: &str) -> Option<T> {
    serde_json::from_str(&storage()?.get_item(key).ok()??).ok()
}

fn write<T: Serialize>(key: &str, value: &T) {
    if let (Some(storage), Ok(json)) = (storage(), serde_json::to_string(value)) {
        // Full or forbidden: the page works all the same, it only forgets.
        let _ = storage.set_item(key, &json);
    }
}

/// What an earlier visit kept; what can't be read is as if it were not there.
pub(super) fn restore() -> (Settings, Vec<Turn>) {
    let kept: Vec<KeptTurn> = read(CHAT).unwrap_or_default();
    let turns = (1..).zip(kept).map(|(tag, turn)| {
        let state = match turn.state {
            // The page was left while it was being made.
            TurnState::Streaming => TurnState::Aborted,
            state => state,
        };
        Turn::new(tag, turn.is_user, turn.text, state)
    });
    (read(SETTINGS).unwrap_or_default(), turns.collect())
}

/// Keeps the settings.
pub fn save_settings(app: App) {
    app.settings
        .with_untracked(|settings| write(SETTINGS, settings));
}

/// Keeps the conversation.
pub(super) fn save_chat(app: App) {
    let kept: Vec<KeptTurn> = app.turns.with_untracked(|turns| {
        let keep = |turn: &Turn| KeptTurn {
            is_user: turn.is_user,
            text: turn.text.get_untracked(),
            state: turn.state.get_untracked(),
        };
        turns.iter().map(keep).collect()
    });
    write(CHAT, &kept);
}

/// How experiments were run last, as far as that can be read.
pub(super) fn restore_lab() -> BTreeMap<Experiment, LabSettings> {
    read(LAB).unwrap_or_default()
}

/// Keeps how experiments are run.
pub(super) fn save_lab(settings: &BTreeMap<Experiment, LabSettings>) {
    write(LAB, settings);
}
