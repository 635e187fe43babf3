//! Messages about the engine: its model and its requests.

use llamaglass_lab::{LoadedModel, StubLevel};
use llamaglass_types::event::{Event, FinishReason};
use llamaglass_types::{BackendInfo, LoadOptions, LoadProgress, MemoryLedger, Request};
use serde::{Deserialize, Serialize};

use super::Tag;
use crate::catalog::CatalogModel;
use crate::server::{ApiKey, ServerModel};

/// A command that concerns the engine, its model or its requests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineCommand {
    /// Find an adapter, without a model.
    Probe {
        /// Options that select the backend.
        options: LoadOptions,
    },
    /// Load a model, replacing the loaded one.
    Load {
        /// Source of its bytes.
        source: ModelSource,
        /// Load options.
        options: LoadOptions,
        /// Level at which the path of requests is cut short.
        stub: StubLevel,
    },
    /// Answer a request.
    Submit {
        /// The page's number for the request.
        tag: Tag,
        /// The request.
        request: Request,
    },
    /// Stop a request; takes effect within one step.
    Abort {
        /// The page's number for the request.
        tag: Tag,
    },
    /// Cut the path of all further requests short at a level; nothing may be running.
    SetStub {
        /// The level.
        level: StubLevel,
    },
    /// Clear the prefix cache.
    ClearCache,
}

/// Source of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelSource {
    /// A file on the page's own server.
    Catalog {
        /// The file, with its digest.
        model: CatalogModel,
        /// Absolute URL of the folder that contains the file, ending in a slash.
        base: String,
    },
    /// Files that accompany the command.
    Files,
    /// A path on this machine, for an engine that reads files itself.
    Local {
        /// Path of a GGUF file, a safetensors file or a folder.
        path: String,
    },
    /// A server that has the model and answers requests.
    Server {
        /// The server and its model.
        server: ServerModel,
        /// API key, if the server needs one.
        key: Option<ApiKey>,
    },
}

/// An event of an answer from a server that reports no steps, only text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpaqueEvent {
    /// Part of the text, with an unknown number of tokens.
    Text {
        /// The text.
        text: String,
    },
    /// The answer is complete.
    Done {
        /// Reason why it ended.
        finish_reason: FinishReason,
        /// Token counts, if the server reports them.
        usage: Option<ReportedUsage>,
    },
}

/// Token counts that a server reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedUsage {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Prompt tokens that came from the server's cache, if reported.
    pub reused_tokens: Option<usize>,
    /// Generated tokens.
    pub completion_tokens: usize,
}

/// A reply that concerns the engine, its model or its requests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineReply {
    /// The engine's program is being downloaded. Sent by `public/engine-worker.js`.
    Starting {
        /// Bytes received so far.
        done: u64,
        /// Total bytes; 0 if the server does not say.
        total: u64,
    },
    /// The engine is ready for commands.
    Ready,
    /// The engine has crashed and must be restarted.
    Crashed {
        /// Its last message.
        message: String,
    },
    /// Result of [`EngineCommand::Probe`].
    Probed {
        /// Properties of the adapter.
        backend: BackendInfo,
    },
    /// No requested backend works.
    ProbeFailed {
        /// Error message.
        error: String,
    },
    /// Progress of loading a model.
    Progress {
        /// The progress.
        progress: LoadProgress,
    },
    /// Memory that the model will take on the device, known before its weights are read.
    Planned {
        /// Memory by purpose.
        memory: MemoryLedger,
    },
    /// The model is loaded.
    Loaded {
        /// Properties of the model.
        info: Box<LoadedModel>,
    },
    /// A server's model is ready for requests.
    Connected {
        /// The server and its model.
        server: Box<ServerModel>,
    },
    /// The model could not be loaded; the engine accepts further commands.
    LoadFailed {
        /// Error message.
        error: String,
    },
    /// Event of a request.
    Event {
        /// The page's number for the request.
        tag: Tag,
        /// The event.
        event: Box<Event>,
    },
    /// Event of a request to a server that reports no steps.
    Opaque {
        /// The page's number for the request.
        tag: Tag,
        /// The event.
        event: OpaqueEvent,
    },
    /// Result of [`EngineCommand::SetStub`].
    StubSet {
        /// Error message; `None` on success.
        error: Option<String>,
    },
}
