//! Applies the engine's replies to the state.

use std::rc::Rc;

use leptos::prelude::*;

use super::app::{App, now};
use super::data::LabEvent;
use super::{bench, frame, lab, model, program};
use crate::client::{Client, Listener};
use crate::engine::{Engine, Loaded};
use crate::protocol::{
    EngineReply, LabReply, Reply, StorageCommand, StorageReply, Tag, WindowReply,
};
use crate::stats::ReceivedEvent;

/// Connects the page to the engine's client that `make` creates for a listener.
pub fn attach_client(app: App, make: impl FnOnce(Listener) -> Rc<dyn Client>) {
    app.set_client(make(Rc::new(move |reply| handle_reply(app, reply))));
}

/// Applies a reply to the state. Does nothing after a panic of the page: state that the panic left half changed
/// would only panic again.
pub fn handle_reply(app: App, reply: impl Into<Reply>) {
    if app.inner().crashed.get() {
        return;
    }
    match reply.into() {
        Reply::Engine(reply) => handle_engine(app, reply),
        Reply::Lab(reply) => handle_lab(app, reply),
        Reply::Storage(StorageReply::Size { bytes }) => app.stored.set(bytes),
        Reply::Window(reply) => match reply {
            WindowReply::Notice { text } => app.notice.set(Some(text)),
            WindowReply::Platform { platform } => app.platform.set(Some(platform)),
            WindowReply::Open { path } => program::open_path(app, path),
            WindowReply::Hovering { over } => app.hovering.set(over),
            WindowReply::Menu { action } => program::handle_menu(app, action),
        },
    }
}

fn handle_lab(app: App, reply: LabReply) {
    match reply {
        LabReply::Progress { progress, points } => lab::advance(app, progress, points),
        LabReply::Ended(end) => lab::deliver_end(app, end),
        LabReply::Sampled { tag, .. } => drop(lab::deliver(app, tag, LabEvent::Sampled)),
        LabReply::Measured { tag, outcome } => {
            drop(lab::deliver(app, tag, LabEvent::Measured(outcome)));
        }
        LabReply::BenchProgress { progress } => bench::advance(app, progress),
        LabReply::BenchDone { report } => bench::finish(app, report),
        LabReply::BenchFailed { error } => bench::fail(app, &error),
    }
}

fn handle_engine(app: App, reply: EngineReply) {
    match reply {
        EngineReply::Starting { done, total } => app.engine_download.set(Some((done, total))),
        EngineReply::Ready => {
            app.engine_download.set(None);
            if app.engine.get_untracked() == Engine::Starting {
                app.engine.set(Engine::Empty);
                model::probe(app);
            } else if app.server().is_some() && app.backend.with_untracked(Option::is_none) {
                // A server connected before the engine was ready; the page still shows this machine's adapter.
                model::probe(app);
            }
        }
        EngineReply::Probed { backend } => app.backend.set(Some(Ok(backend))),
        EngineReply::ProbeFailed { error } => app.backend.set(Some(Err(error))),
        EngineReply::Progress { progress } => model::advance(app, progress),
        EngineReply::Planned { memory } => app.planned.set(Some(memory)),
        EngineReply::Loaded { info } => {
            app.backend.set(Some(Ok(info.backend.clone())));
            app.engine.set(Engine::Loaded(Loaded::Engine(info)));
            app.send(StorageCommand::Measure, &[]);
        }
        EngineReply::Connected { server } => {
            app.engine.set(Engine::Loaded(Loaded::Server(server)));
        }
        EngineReply::LoadFailed { error } => {
            // The source is kept, because it may load on another backend.
            app.error
                .set(Some(format!("The model could not be loaded: {error}")));
            app.engine.set(Engine::Empty);
            if app.backend.with_untracked(Option::is_none) {
                model::probe(app);
            }
        }
        EngineReply::Event { tag, event } => {
            deliver(app, tag, ReceivedEvent::Event(event));
        }
        EngineReply::Opaque { tag, event } => deliver(app, tag, ReceivedEvent::Opaque(event)),
        EngineReply::StubSet { error } => lab::deliver_stub_set(app, error),
        EngineReply::Crashed { message } => {
            // A panic is reported twice: by its own message, and by the browser, which knows less.
            if !matches!(app.engine.get_untracked(), Engine::Crashed(_)) {
                app.engine.set(Engine::Crashed(message));
                model::fail_running(app, "the engine crashed");
            }
        }
    }
}

/// Passes an event of an answer to the lab if it sent the request, otherwise to the conversation.
fn deliver(app: App, tag: Tag, event: ReceivedEvent) {
    let at = now();
    if let Some(LabEvent::Answer(event)) = lab::deliver(app, tag, LabEvent::Answer(event)) {
        frame::push(app, tag, event, at);
    }
}
