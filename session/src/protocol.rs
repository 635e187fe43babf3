//! What the page and an engine say to each other.
//!
//! The page never sees the engine itself: it sends a [`Command`] and hears [`Reply`]s, whether the
//! engine lives in a worker, in the desktop program or behind a server. Both travel as JSON; a browser's
//! files travel beside a [`Command::Load`] as its own handles.
//!
//! Variants are serde's externally tagged ones. With an internal tag serde buffers every message before it
//! reads it, and the code for that is a considerable part of the page's WebAssembly.

use llamaglass_lab::bench;
use llamaglass_engine::event::{Event, FinishReason};
use llamaglass_lab::{Point, Progress};
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::{
    BackendInfo, LoadOptions, LoadProgress, MemoryLedger, ModelInfo, StubLevel,
};
use serde::{Deserialize, Serialize};

use crate::catalog::CatalogModel;
use crate::lab::{Job, LabEnd, Measured, Spec};
use crate::platform::{MenuAction, Platform};
use crate::server::{ApiKey, ServerModel};

/// The page's own number for a request, chosen before the engine has seen it.
pub type Tag = u64;

/// What the page asks of an engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Find out which adapter there is, without a model.
    Probe {
        /// Which backend to look for.
        options: LoadOptions,
    },
    /// Load a model, in place of the one that is loaded.
    Load {
        /// Where its bytes are.
        source: ModelSource,
        /// How to load it.
        options: LoadOptions,
    },
    /// Answer a request.
    Submit {
        /// The page's number for it.
        tag: Tag,
        /// What to answer.
        request: Request,
    },
    /// Stop answering; takes effect within one step.
    Abort {
        /// Which request.
        tag: Tag,
    },
    /// Run a benchmark; nothing else may be running.
    Bench {
        /// Of what.
        settings: bench::Settings,
    },
    /// Give the benchmark up.
    StopBench,
    /// Run an experiment of the lab; nothing else may be running.
    Lab {
        /// Which, and how.
        spec: Box<Spec>,
    },
    /// Stop it; takes effect within one step.
    StopLab,
    /// Measure a piece of an experiment that the page drives; nothing else may be running.
    Measure {
        /// The page's number for it.
        tag: Tag,
        /// What to measure.
        job: Job,
    },
    /// Follow the path of requests as far as this from here on; nothing may be running.
    SetStub {
        /// How far.
        level: StubLevel,
    },
    /// Forget the KV prefix.
    ClearCache,
    /// Report how many bytes of downloaded models are kept.
    StoredModels,
    /// Delete the downloaded models.
    DeleteStoredModels,
    /// Let the user choose a model of this machine. For programs that said [`Reply::Platform`], as is
    /// [`Self::ForgetRecent`].
    ChooseModel {
        /// A folder of files, and not one file.
        folder: bool,
    },
    /// Forget which models were loaded.
    ForgetRecent,
}

/// Where a model's bytes are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelSource {
    /// On the page's own server.
    Catalog {
        /// Which file, and how it is verified.
        model: CatalogModel,
        /// The absolute URL of the folder that has the file, ending in a slash.
        base: String,
    },
    /// In the files that travel beside the command.
    Files,
    /// On this machine, for an engine that reads it itself.
    Local {
        /// A GGUF, a file of safetensors, or a folder.
        path: String,
    },
    /// Where they stay: a server has the model, and answers.
    Server {
        /// Which.
        server: ServerModel,
        /// What it wants to know, if anything.
        key: Option<ApiKey>,
    },
}

/// What is heard of an answer from a server that says nothing of its steps: text, as it comes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opaque {
    /// Some text, of no one knows how many tokens.
    Text {
        /// The text.
        text: String,
    },
    /// The answer ended well.
    Done {
        /// Why.
        finish_reason: FinishReason,
        /// What it cost, where the server tells.
        usage: Option<ToldUsage>,
    },
}

/// Token counts, as far as a server tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldUsage {
    /// Ids of the prompt.
    pub prompt_tokens: usize,
    /// Prompt ids that came from the server's cache.
    pub reused_tokens: Option<usize>,
    /// Ids picked.
    pub completion_tokens: usize,
}

/// What an engine tells the page.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The engine's own program is being downloaded. Sent by `public/engine-worker.js`.
    Starting {
        /// Bytes so far.
        done: u64,
        /// Bytes in all; 0 where the server does not say.
        total: u64,
    },
    /// The engine takes commands.
    Ready,
    /// The adapter that [`Command::Probe`] found.
    Probed {
        /// Facts about it.
        backend: BackendInfo,
    },
    /// No backend of the wanted kind works.
    ProbeFailed {
        /// Why, in words.
        error: String,
    },
    /// Loading goes on.
    Progress {
        /// How far it is.
        progress: LoadProgress,
    },
    /// What the model will take on the device, known before its weights are read.
    Planned {
        /// Bytes on the device.
        memory: MemoryLedger,
    },
    /// Something the user should know, that stops nothing.
    Notice {
        /// What, in words.
        text: String,
    },
    /// The model is ready.
    Loaded {
        /// Facts about it.
        info: Box<ModelInfo>,
    },
    /// A server's model will answer.
    Connected {
        /// Which.
        server: Box<ServerModel>,
    },
    /// The model could not be loaded; the engine takes further commands.
    LoadFailed {
        /// Why, in words.
        error: String,
    },
    /// Something happened to a request.
    Event {
        /// The page's number for it.
        tag: Tag,
        /// What happened.
        event: Event,
    },
    /// The same, of a server that says nothing of its steps.
    Opaque {
        /// The page's number for the request.
        tag: Tag,
        /// What happened.
        news: Opaque,
    },
    /// The benchmark goes on.
    BenchProgress {
        /// How far it is.
        progress: bench::Progress,
    },
    /// The benchmark has ended.
    BenchDone {
        /// What it found.
        report: Box<bench::BenchReport>,
    },
    /// The benchmark has ended without a result.
    BenchFailed {
        /// Why, in words.
        error: String,
    },
    /// The experiment goes on.
    LabProgress {
        /// How far it is.
        progress: Progress,
        /// What was measured since it was last told.
        points: Vec<Point>,
    },
    /// The experiment has ended.
    LabEnded(LabEnd),
    /// An id was picked for [`Command::Measure`].
    Picked {
        /// The page's number for it.
        tag: Tag,
        /// The id.
        id: u32,
    },
    /// What came of [`Command::Measure`].
    Measured {
        /// The page's number for it.
        tag: Tag,
        /// What, or why nothing.
        outcome: Result<Box<Measured>, String>,
    },
    /// What came of [`Command::SetStub`]: why it was not done, where it was not.
    StubSet {
        /// Why.
        error: Option<String>,
    },
    /// How many bytes of downloaded models are kept.
    StoredModels {
        /// That many; `None` where the browser keeps none for us.
        bytes: Option<u64>,
    },
    /// What the program around the page has, and again when that changes. Browsers say nothing.
    Platform {
        /// What it has.
        platform: Platform,
    },
    /// The user wants this model loaded: chosen, dropped, or named to the program.
    Open {
        /// Its file or folder.
        path: String,
    },
    /// Something is dragged over the window.
    Hovering {
        /// Whether it still is.
        over: bool,
    },
    /// An item of a native menu was chosen.
    Menu {
        /// What is to be done.
        action: MenuAction,
    },
    /// The engine is gone and has to be started again.
    Crashed {
        /// The last thing it said.
        message: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use llamaglass_engine::scheduler::Input;

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
        // As public/engine-worker.js writes them.
        let reply = r#"{"crashed":{"message":"no SIMD"}}"#;
        let reply: Reply = serde_json::from_str(reply).expect("parses");
        assert!(matches!(reply, Reply::Crashed { message } if message == "no SIMD"));
        let reply = r#"{"starting":{"done":5,"total":10}}"#;
        let reply: Reply = serde_json::from_str(reply).expect("parses");
        assert!(matches!(reply, Reply::Starting { done: 5, total: 10 }));
    }
}
