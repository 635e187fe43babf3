//! Messages between the page and an engine.
//!
//! The page never touches the engine itself: it sends [`Command`]s and receives [`Reply`]s, whether the engine
//! lives in a worker, in the desktop program or behind a server. Both are sent as JSON; a browser's files accompany
//! a [`Command::Load`] as the browser's own handles.
//!
//! Enums use serde's external tagging. With an internal tag, serde buffers every message before reading it, and
//! that code is a considerable part of the page's WebAssembly.

use llamaglass_lab::bench;
use llamaglass_lab::{Point, Progress};
use llamaglass_types::Request;
use llamaglass_types::event::{Event, FinishReason};
use llamaglass_types::{
    BackendInfo, LoadOptions, LoadProgress, MemoryLedger, ModelInfo, StubLevel,
};
use serde::{Deserialize, Serialize};

use crate::catalog::CatalogModel;
use crate::lab::{Job, LabEnd, Measured, Spec};
use crate::platform::{MenuAction, Platform};
use crate::server::{ApiKey, ServerModel};

/// The page's own number for a request, chosen before the engine sees the request.
pub type Tag = u64;

/// A command from the page to an engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
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
    /// Run a benchmark; nothing else may be running.
    Bench {
        /// Settings of the benchmark.
        settings: bench::Settings,
    },
    /// Stop the benchmark without a result.
    StopBench,
    /// Run an experiment of the lab; nothing else may be running.
    Lab {
        /// The experiment and its settings.
        spec: Box<Spec>,
    },
    /// Stop the experiment; takes effect within one step.
    StopLab,
    /// Measure one part of an experiment that the page drives; nothing else may be running.
    Measure {
        /// The page's number for the measurement.
        tag: Tag,
        /// The measurement.
        job: Job,
    },
    /// Cut the path of all further requests short at a level; nothing may be running.
    SetStub {
        /// The level.
        level: StubLevel,
    },
    /// Clear the prefix cache.
    ClearCache,
    /// Report the bytes of stored downloads.
    StoredModels,
    /// Delete all stored downloads.
    DeleteStoredModels,
    /// Let the user choose a model from this machine. Only for programs that sent [`Reply::Platform`], like
    /// [`Self::ForgetRecent`].
    ChooseModel {
        /// True to choose a folder, false to choose a file.
        folder: bool,
    },
    /// Clear the list of recent models.
    ForgetRecent,
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
pub enum Opaque {
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
        usage: Option<ToldUsage>,
    },
}

/// Token counts that a server reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldUsage {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Prompt tokens that came from the server's cache, if reported.
    pub reused_tokens: Option<usize>,
    /// Generated tokens.
    pub completion_tokens: usize,
}

/// A reply from an engine to the page.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The engine's program is being downloaded. Sent by `public/engine-worker.js`.
    Starting {
        /// Bytes received so far.
        done: u64,
        /// Total bytes; 0 if the server does not say.
        total: u64,
    },
    /// The engine is ready for commands.
    Ready,
    /// Result of [`Command::Probe`].
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
    /// A message for the user that interrupts nothing.
    Notice {
        /// Text of the message.
        text: String,
    },
    /// The model is loaded.
    Loaded {
        /// Properties of the model.
        info: Box<ModelInfo>,
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
        event: Event,
    },
    /// Event of a request to a server that reports no steps.
    Opaque {
        /// The page's number for the request.
        tag: Tag,
        /// The event.
        news: Opaque,
    },
    /// Progress of the benchmark.
    BenchProgress {
        /// The progress.
        progress: bench::Progress,
    },
    /// The benchmark is complete.
    BenchDone {
        /// Its result.
        report: Box<bench::BenchReport>,
    },
    /// The benchmark ended without a result.
    BenchFailed {
        /// Error message.
        error: String,
    },
    /// Progress of the experiment.
    LabProgress {
        /// The progress.
        progress: Progress,
        /// Points measured since the previous progress.
        points: Vec<Point>,
    },
    /// The experiment ended.
    LabEnded(LabEnd),
    /// A token was sampled for [`Command::Measure`].
    Picked {
        /// The page's number for the measurement.
        tag: Tag,
        /// Token id.
        id: u32,
    },
    /// Result of [`Command::Measure`].
    Measured {
        /// The page's number for the measurement.
        tag: Tag,
        /// The result, or an error message.
        outcome: Result<Box<Measured>, String>,
    },
    /// Result of [`Command::SetStub`].
    StubSet {
        /// Error message; `None` on success.
        error: Option<String>,
    },
    /// Size of the stored downloads.
    StoredModels {
        /// Bytes; `None` if the browser cannot store any.
        bytes: Option<u64>,
    },
    /// Features of the program around the page, sent again when they change. Browsers send none.
    Platform {
        /// The features.
        platform: Platform,
    },
    /// The user asked to load a model: chosen, dropped on the window, or passed to the program.
    Open {
        /// Path of its file or folder.
        path: String,
    },
    /// A file is being dragged over the window, or no longer is.
    Hovering {
        /// True while it is over the window.
        over: bool,
    },
    /// A native menu item was chosen.
    Menu {
        /// Action of the item.
        action: MenuAction,
    },
    /// The engine has crashed and must be restarted.
    Crashed {
        /// Its last message.
        message: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use llamaglass_types::Input;

    #[test]
    fn commands_survive_json() {
        let command = Command::Submit {
            tag: 7,
            request: Request::new(Input::Text("hi".into())),
        };
        let json = serde_json::to_string(&command).expect("serialises");
        let back: Command = serde_json::from_str(&json).expect("parses");
        assert!(
            matches!(back, Command::Submit { tag: 7, request } if request.input == Input::Text("hi".into()))
        );
    }

    #[test]
    fn replies_of_the_start_script_are_read() {
        // As `public/engine-worker.js` writes them.
        let reply = r#"{"crashed":{"message":"no SIMD"}}"#;
        let reply: Reply = serde_json::from_str(reply).expect("parses");
        assert!(matches!(reply, Reply::Crashed { message } if message == "no SIMD"));
        let reply = r#"{"starting":{"done":5,"total":10}}"#;
        let reply: Reply = serde_json::from_str(reply).expect("parses");
        assert!(matches!(reply, Reply::Starting { done: 5, total: 10 }));
    }
}
