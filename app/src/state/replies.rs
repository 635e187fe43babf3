//! Applies the engine's replies to the state.

use leptos::prelude::*;

use super::{App, Engine, Loaded, bench, frame, lab, model, now, program};
use crate::protocol::{
    EngineReply, LabReply, Reply, StorageCommand, StorageReply, Tag, WindowReply,
};
use crate::stats::Heard;

pub(super) fn hear(app: App, reply: Reply) {
    match reply {
        Reply::Engine(reply) => hear_engine(app, reply),
        Reply::Lab(reply) => hear_lab(app, reply),
        Reply::Storage(StorageReply::Size { bytes }) => app.stored.set(bytes),
        Reply::Window(reply) => match reply {
            WindowReply::Notice { text } => app.notice.set(Some(text)),
            WindowReply::Platform { platform } => app.platform.set(Some(platform)),
            WindowReply::Open { path } => program::open_path(app, path),
            WindowReply::Hovering { over } => app.hovering.set(over),
            WindowReply::Menu { action } => program::obey(app, action),
        },
    }
}

fn hear_lab(app: App, reply: LabReply) {
    match reply {
        LabReply::Progress { progress, points } => lab::advance(app, progress, points),
        LabReply::Ended(end) => lab::ended(app, end),
        LabReply::Sampled { tag, .. } => drop(lab::heard(app, tag, lab::News::Picked)),
        LabReply::Measured { tag, outcome } => {
            drop(lab::heard(app, tag, lab::News::Measured(outcome)));
        }
        LabReply::BenchProgress { progress } => bench::advance(app, progress),
        LabReply::BenchDone { report } => bench::finish(app, report),
        LabReply::BenchFailed { error } => bench::fail(app, &error),
    }
}

fn hear_engine(app: App, reply: EngineReply) {
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
        EngineReply::Connected { server } => app.engine.set(Engine::Loaded(Loaded::Server(server))),
        EngineReply::LoadFailed { error } => {
            // The source is kept: on another backend it may load after all.
            app.error
                .set(Some(format!("The model could not be loaded: {error}")));
            app.engine.set(Engine::Empty);
            if app.backend.with_untracked(Option::is_none) {
                model::probe(app);
            }
        }
        EngineReply::Event { tag, event } => take(app, tag, Heard::Event(Box::new(event))),
        EngineReply::Opaque { tag, event } => take(app, tag, Heard::Opaque(event)),
        EngineReply::StubSet { error } => lab::stub_set(app, error),
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
fn take(app: App, tag: Tag, heard: Heard) {
    let at = now();
    if let Some(lab::News::Heard(heard)) = lab::heard(app, tag, lab::News::Heard(heard)) {
        frame::push(app, tag, heard, at);
    }
}
