//! Applies the engine's replies to the state.

use std::rc::Rc;

use leptos::prelude::*;

use super::app::{App, now};
use super::data::LabEvent;
use super::{bench, frame, lab, model, program};
use crate::client::{Client, Listener};
use crate::engine::{Engine, Loaded};
use crate::protocol::{Command, Reply, Tag};
use crate::stats::ReceivedEvent;

/// Connects the page to the engine's client that `make` creates for a listener.
pub fn attach_client(app: App, make: impl FnOnce(Listener) -> Rc<dyn Client>) {
    app.set_client(make(Rc::new(move |reply| handle_reply(app, reply))));
}

/// Applies a reply of the engine to the state. Does nothing after a panic of the page: state that the panic left
/// half changed would only panic again.
pub fn handle_reply(app: App, reply: Reply) {
    if app.inner().crashed.get() {
        return;
    }
    match reply {
        Reply::Starting { done, total } => app.engine_download.set(Some((done, total))),
        Reply::Ready => {
            app.engine_download.set(None);
            if app.engine.get_untracked() == Engine::Starting {
                app.engine.set(Engine::Empty);
                model::probe(app);
            } else if app.server().is_some() && app.backend.with_untracked(Option::is_none) {
                // A server connected before the engine was ready; the page still shows this machine's adapter.
                model::probe(app);
            }
        }
        Reply::Probed { backend } => app.backend.set(Some(Ok(backend))),
        Reply::ProbeFailed { error } => app.backend.set(Some(Err(error))),
        Reply::Progress { progress } => model::advance(app, progress),
        Reply::Planned { memory } => app.planned.set(Some(memory)),
        Reply::Notice { text } => app.notice.set(Some(text)),
        Reply::Loaded { info } => {
            app.backend.set(Some(Ok(info.backend.clone())));
            app.engine.set(Engine::Loaded(Loaded::Engine(info)));
            app.send(&Command::StoredModels, &[]);
        }
        Reply::Connected { server } => app.engine.set(Engine::Loaded(Loaded::Server(server))),
        Reply::LoadFailed { error } => {
            // The source is kept: on another backend it may load after all.
            app.error
                .set(Some(format!("The model could not be loaded: {error}")));
            app.engine.set(Engine::Empty);
            if app.backend.with_untracked(Option::is_none) {
                model::probe(app);
            }
        }
        Reply::Event { tag, event } => deliver(app, tag, ReceivedEvent::Event(Box::new(event))),
        Reply::Opaque { tag, news } => deliver(app, tag, ReceivedEvent::Opaque(news)),
        Reply::LabProgress { progress, points } => lab::advance(app, progress, points),
        Reply::LabEnded(end) => lab::deliver_end(app, end),
        Reply::Picked { tag, .. } => drop(lab::deliver(app, tag, LabEvent::Sampled)),
        Reply::Measured { tag, outcome } => {
            drop(lab::deliver(app, tag, LabEvent::Measured(outcome)));
        }
        Reply::StubSet { error } => lab::deliver_stub_set(app, error),
        Reply::BenchProgress { progress } => bench::advance(app, progress),
        Reply::BenchDone { report } => bench::finish(app, report),
        Reply::BenchFailed { error } => bench::fail(app, &error),
        Reply::StoredModels { bytes } => app.stored.set(bytes),
        Reply::Platform { platform } => app.platform.set(Some(platform)),
        Reply::Open { path } => program::open_path(app, path),
        Reply::Hovering { over } => app.hovering.set(over),
        Reply::Menu { action } => program::handle_menu(app, action),
        Reply::Crashed { message } => {
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
