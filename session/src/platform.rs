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

/// A request that the program makes for the page: GET, or POST where it has a body.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The page's number for it.
    pub id: u64,
    /// Of whom; `http:` or `https:`.
    pub url: String,
    /// The header of that name, which is never shown.
    pub authorization: Option<String>,
    /// JSON.
    pub body: Option<String>,
}

/// What comes of a request, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// It is answered.
    Head {
        /// HTTP's number.
        status: u16,
        /// The header of that name; empty without one.
        content_type: String,
    },
    /// Some of the body.
    Bytes {
        /// Which.
        bytes: Vec<u8>,
    },
    /// That was all of it.
    End,
    /// There is no more, for this reason.
    Failed {
        /// Why, in words.
        why: String,
    },
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
