//! Messages between the page and an engine's program.
//!
//! The page never touches the engine itself: it sends [`Command`]s and receives [`Reply`]s, whether the engine
//! lives in a worker, in the desktop program or behind a server. Both are sent as JSON; a browser's files accompany
//! an [`EngineCommand::Load`] as the browser's own handles.
//!
//! Enums use serde's external tagging. With an internal tag, serde buffers every message before reading it, and
//! that code is a considerable part of the page's WebAssembly.

mod engine;
mod lab;
mod storage;
mod window;

use serde::{Deserialize, Serialize};

pub use engine::{EngineCommand, EngineReply, ModelSource, OpaqueEvent, ReportedUsage};
pub use lab::{LabCommand, LabReply};
pub use storage::{StorageCommand, StorageReply};
pub use window::{WindowCommand, WindowReply};

/// The page's own number for a request, chosen before the engine sees the request.
pub type Tag = u64;

/// A command from the page.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Concerns the engine, its model and its requests.
    Engine(EngineCommand),
    /// Measures the engine.
    Lab(LabCommand),
    /// Concerns stored downloads.
    Storage(StorageCommand),
    /// Concerns the program around the page. The engine ignores it.
    Window(WindowCommand),
}

/// A reply to the page.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Concerns the engine, its model and its requests.
    Engine(EngineReply),
    /// Concerns a measurement.
    Lab(LabReply),
    /// Concerns stored downloads.
    Storage(StorageReply),
    /// Concerns the program around the page, or interrupts nothing.
    Window(WindowReply),
}

/// Wraps the messages of one concern.
macro_rules! wrap {
    ($($all:ident::$concern:ident($message:ty)),* $(,)?) => {$(
        impl From<$message> for $all {
            fn from(message: $message) -> Self {
                Self::$concern(message)
            }
        }
    )*};
}

wrap! {
    Command::Engine(EngineCommand),
    Command::Lab(LabCommand),
    Command::Storage(StorageCommand),
    Command::Window(WindowCommand),
    Reply::Engine(EngineReply),
    Reply::Lab(LabReply),
    Reply::Storage(StorageReply),
    Reply::Window(WindowReply),
}

#[cfg(test)]
mod tests {
    use llamaglass_types::{Input, Request};

    use super::*;

    #[test]
    fn commands_survive_json() {
        let command = Command::from(EngineCommand::Submit {
            tag: 7,
            request: Request::new(Input::Text("hi".into())),
        });
        let json = serde_json::to_string(&command).expect("serialises");
        assert!(
            json.starts_with(r#"{"engine":{"submit":{"tag":7"#),
            "{json}"
        );
        let Ok(Command::Engine(EngineCommand::Submit { tag: 7, request })) =
            serde_json::from_str(&json)
        else {
            panic!("the command is not what it was: {json}");
        };
        assert_eq!(request.input, Input::Text("hi".into()));
    }

    #[test]
    fn replies_of_the_start_script_are_read() {
        // As `public/engine-worker.js` writes them.
        let read = |json| match serde_json::from_str(json) {
            Ok(Reply::Engine(reply)) => reply,
            other => panic!("{json} is {other:?}"),
        };
        let crashed = read(r#"{"engine":{"crashed":{"message":"no SIMD"}}}"#);
        assert!(matches!(crashed, EngineReply::Crashed { message } if message == "no SIMD"));
        let starting = read(r#"{"engine":{"starting":{"done":5,"total":10}}}"#);
        assert!(matches!(
            starting,
            EngineReply::Starting { done: 5, total: 10 }
        ));
    }
}
