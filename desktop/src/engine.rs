//! The engine of this program: starts, stops and replaces its driver.

use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use llamaglass_driver::page::{Incoming, run};
use llamaglass_driver::{EngineThread, StopSignal};
use llamaglass_session::protocol::{Command, EngineReply};

use crate::error::ShellError;
use crate::host::{DesktopHost, ReplyHandler};

/// A driver on a thread of this program.
pub struct Engine {
    thread: EngineThread,
    commands: UnboundedSender<Incoming<()>>,
}

impl Engine {
    /// Starts a driver whose replies go to `on_reply`.
    pub fn start(on_reply: ReplyHandler) -> Result<Self, ShellError> {
        let (commands, inbox) = unbounded();
        let report_panic = report_panic(&on_reply);
        let thread = EngineThread::start(driver(on_reply, inbox), report_panic);
        Ok(Self {
            thread: thread.map_err(ShellError::Thread)?,
            commands,
        })
    }

    /// Stops the driver, and starts another one once it has ended.
    pub fn restart(&mut self, on_reply: ReplyHandler) -> Result<(), ShellError> {
        let (commands, inbox) = unbounded();
        self.commands = commands;
        let report_panic = report_panic(&on_reply);
        let restarted = self.thread.restart(driver(on_reply, inbox), report_panic);
        restarted.map_err(ShellError::Thread)
    }

    /// Sends a command. After a panic, which was reported, commands are dropped.
    pub fn send(&self, command: impl Into<Command>) {
        let command = Box::new(command.into());
        let _gone = self
            .commands
            .unbounded_send(Incoming { command, files: () });
    }

    /// Stops the driver: an answer after its step, a load after its read. Does not wait.
    pub fn stop(&self) {
        self.thread.stop();
    }

    /// Stops the driver and waits at most `limit` for its end. Returns false if it is still running.
    pub fn end_within(self, limit: Duration) -> bool {
        self.thread.end_within(limit)
    }
}

fn driver(
    on_reply: ReplyHandler,
    inbox: UnboundedReceiver<Incoming<()>>,
) -> impl AsyncFnOnce(StopSignal) + Send {
    async move |stop| run(&DesktopHost::new(on_reply, stop), inbox).await
}

/// Returns a function that passes a panic's message to `on_reply`.
fn report_panic(on_reply: &ReplyHandler) -> impl FnOnce(String) + Send + 'static {
    let on_reply = Arc::clone(on_reply);
    move |message| on_reply(EngineReply::Crashed { message }.into(), None)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;
    use llamaglass_engine::LoadOptions;
    use llamaglass_session::protocol::{
        EngineCommand, ModelSource, Reply, StorageCommand, StorageReply,
    };

    /// Long enough for every test on a busy machine.
    const LONG: Duration = Duration::from_secs(60);

    /// Returns a handler that panics on a storage reply, and the replies that it receives.
    fn handler() -> (ReplyHandler, Receiver<Reply>) {
        let (sender, replies) = channel();
        let on_reply = move |reply, _path| {
            if matches!(reply, Reply::Storage(StorageReply::Size { .. })) {
                panic!("on purpose");
            }
            let _gone = sender.send(reply);
        };
        (Arc::new(on_reply), replies)
    }

    fn start() -> (Engine, Receiver<Reply>) {
        let (on_reply, replies) = handler();
        (Engine::start(on_reply).expect("starts"), replies)
    }

    fn next(replies: &Receiver<Reply>) -> EngineReply {
        match replies.recv_timeout(LONG).expect("a reply") {
            Reply::Engine(reply) => reply,
            other => panic!("no reply of the engine: {other:?}"),
        }
    }

    fn load_missing() -> EngineCommand {
        let path = "/nowhere/a.gguf".into();
        EngineCommand::Load {
            source: ModelSource::Local { path },
            options: LoadOptions::default(),
            stub: Default::default(),
        }
    }

    #[test]
    fn missing_file_is_reported_once() {
        let (engine, replies) = start();
        engine.send(load_missing());
        let EngineReply::LoadFailed { error } = next(&replies) else {
            panic!("there is no such file");
        };
        assert!(error.starts_with("/nowhere/a.gguf: "), "{error}");
        assert!(engine.end_within(LONG));
        assert!(replies.recv().is_err(), "it ended without a reply");
    }

    #[test]
    fn stopped_driver_sends_nothing_once_the_next_one_starts() {
        let (mut engine, before) = start();
        let (on_reply, replies) = handler();
        engine.restart(on_reply).expect("restarts");
        engine.send(load_missing());
        assert!(matches!(next(&replies), EngineReply::LoadFailed { .. }));
        assert!(before.recv().is_err(), "the first driver sent something");
        assert!(engine.end_within(LONG));
    }

    #[test]
    fn panic_is_reported_and_the_engine_can_be_restarted() {
        llamaglass_driver::capture_panics();
        let (mut engine, replies) = start();
        engine.send(StorageCommand::Measure);
        let EngineReply::Crashed { message } = next(&replies) else {
            panic!("it has panicked");
        };
        assert!(message.contains("on purpose"), "{message}");
        let (on_reply, replies) = handler();
        engine.restart(on_reply).expect("restarts");
        engine.send(load_missing());
        assert!(matches!(next(&replies), EngineReply::LoadFailed { .. }));
    }
}
