//! Features that a program around the page has and a browser does not.

use llamaglass_types::BackendInfo;
use serde::{Deserialize, Serialize};

/// Features of the program around the page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Platform {
    /// Adapters of this machine; the engine selects one by its name.
    pub adapters: Vec<BackendInfo>,
    /// Models that were loaded, most recent first.
    pub recent: Vec<RecentModel>,
}

/// A model that was loaded from this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentModel {
    /// Path of its file or folder.
    pub path: String,
    /// Name from the model's metadata.
    pub name: String,
}

/// Action of a native menu item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MenuAction {
    /// Start a new conversation.
    NewChat,
    /// Stop the answer.
    Stop,
    /// Choose a model.
    Models,
    /// Show the settings.
    Settings,
    /// Show the benchmark.
    Benchmark,
    /// Show the lab, or the conversation if the lab is shown.
    Lab,
    /// Show or hide the timeline.
    Overlay,
}

/// An HTTP request that the program makes for the page: POST with a body, otherwise GET.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchRequest {
    /// The page's number for the request.
    pub id: u64,
    /// URL; `http:` or `https:`.
    pub url: String,
    /// Value of the `Authorization` header, which is never shown.
    pub authorization: Option<String>,
    /// JSON body.
    pub body: Option<String>,
}

/// A part of a response; the parts arrive in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FetchPart {
    /// The response has started.
    Head {
        /// HTTP status code.
        status: u16,
        /// Value of the `Content-Type` header; empty without one.
        content_type: String,
    },
    /// Part of the body.
    Bytes {
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// The response is complete.
    End,
    /// The request failed; nothing follows.
    Failed {
        /// Error message.
        why: String,
    },
}
