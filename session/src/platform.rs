//! What a program around the page has and a browser has not.

use llamaglass_engine::BackendInfo;
use serde::{Deserialize, Serialize};

/// What the program around the page offers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Platform {
    /// The adapters of this machine; the engine takes one by its name.
    pub adapters: Vec<BackendInfo>,
    /// Models that were loaded, the last one first.
    pub recent: Vec<RecentModel>,
}

/// A model that was loaded from this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentModel {
    /// Its file or folder.
    pub path: String,
    /// What it calls itself.
    pub name: String,
}

/// What an item of a native menu asks of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MenuAction {
    /// Begin a new conversation.
    NewChat,
    /// Stop the answer.
    Stop,
    /// Choose a model.
    Models,
    /// Show the settings.
    Settings,
    /// Show the benchmark.
    Benchmark,
    /// Show the lab, or the conversation again.
    Lab,
    /// Show or hide the timeline.
    Overlay,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_travels_by_its_name() {
        let json = serde_json::to_string(&MenuAction::NewChat).expect("serialises");
        assert_eq!(json, r#""new_chat""#);
    }
}
