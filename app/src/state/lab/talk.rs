//! The lab's channel to the engine or server: requests out, events in.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::channel::oneshot;
use llamaglass_lab::{LabError, LabResult};
use llamaglass_types::Request;
use llamaglass_types::StubLevel;
use llamaglass_types::stats::Record;

use super::super::{App, now};
use crate::lab::{Job, LabEnd, Measured, Spec};
use crate::protocol::{EngineCommand, LabCommand, Tag};
use crate::stats::Heard;

/// Open waits of the lab, with the channels that end them.
#[derive(Default)]
pub struct Waiting {
    open: RefCell<HashMap<Tag, UnboundedSender<(News, f64)>>>,
    end: RefCell<Option<oneshot::Sender<LabEnd>>>,
    stub: RefCell<Option<oneshot::Sender<Option<String>>>>,
    stopped: Cell<bool>,
    /// Reason why nothing more will arrive.
    lost: RefCell<Option<String>>,
}

/// Event of a request or a measurement of the lab.
pub enum News {
    /// Part of an answer.
    Heard(Heard),
    /// One more token of a running measurement.
    Picked,
    /// Result of a measurement.
    Measured(Result<Box<Measured>, String>),
}

/// Passes an event to the part of the lab that waits for it. Returns the event if none does.
pub fn heard(app: App, tag: Tag, news: News) -> Option<News> {
    let inner = app.inner();
    let open = inner.lab.open.borrow();
    let Some(sender) = open.get(&tag) else {
        return Some(news);
    };
    // A closed receiver needs no more events.
    drop(sender.unbounded_send((news, now())));
    None
}

/// Returns whether the running experiment was asked to stop.
pub fn is_stopped(app: App) -> bool {
    app.inner().lab.stopped.get()
}

/// Clears the state of an earlier stop or loss.
pub fn start(app: App) {
    let inner = app.inner();
    inner.lab.stopped.set(false);
    inner.lab.lost.replace(None);
}

/// Stops the experiment and aborts its open requests.
pub fn stop(app: App) {
    let inner = app.inner();
    inner.lab.stopped.set(true);
    let open = std::mem::take(&mut *inner.lab.open.borrow_mut());
    for tag in open.keys() {
        app.send(EngineCommand::Abort { tag: *tag }, &[]);
    }
}

/// Ends every wait with the reason `why`.
pub fn lose(app: App, why: &str) {
    let inner = app.inner();
    inner.lab.lost.replace(Some(why.to_owned()));
    inner.lab.open.borrow_mut().clear();
    inner.lab.end.replace(None);
    inner.lab.stub.replace(None);
}

/// Returns the error that explains why nothing more arrives.
fn silence(app: App, what: &str) -> LabError {
    let inner = app.inner();
    let lost = inner.lab.lost.borrow().clone();
    match lost {
        Some(why) => LabError::failed(what, why),
        None if inner.lab.stopped.get() => LabError::Stopped,
        None => LabError::failed(what, "nothing is heard of it any more"),
    }
}

/// A request or measurement that was sent.
pub struct Asked {
    app: App,
    /// The page's number for it.
    pub tag: Tag,
    heard: UnboundedReceiver<(News, f64)>,
}

impl Asked {
    fn new(app: App) -> Self {
        let (sender, heard) = unbounded();
        let tag = app.next_tag();
        app.inner().lab.open.borrow_mut().insert(tag, sender);
        Self { app, tag, heard }
    }

    /// Returns the next event and its arrival on the page's clock.
    ///
    /// # Errors
    /// Returns a [`LabError`] if no more will arrive.
    pub async fn next(&mut self, what: &str) -> Result<(News, f64), LabError> {
        // After a stop, events that arrived before it are dropped, too.
        if is_stopped(self.app) {
            return Err(LabError::Stopped);
        }
        let next = self.heard.next().await;
        next.ok_or_else(|| silence(self.app, what))
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.app.inner().lab.open.borrow_mut().remove(&self.tag);
    }
}

/// Sends a request.
pub fn submit(app: App, request: Request) -> Asked {
    let asked = Asked::new(app);
    let tag = asked.tag;
    app.send(EngineCommand::Submit { tag, request }, &[]);
    asked
}

/// Has the engine's side run a job. Also returns the arrival times of the tokens that it reported meanwhile.
///
/// # Errors
/// Returns a [`LabError`].
pub async fn measure(app: App, job: Job) -> Result<(Measured, Vec<f64>), LabError> {
    let mut asked = Asked::new(app);
    let tag = asked.tag;
    app.send(LabCommand::Measure { tag, job }, &[]);
    let mut picked = Vec::new();
    loop {
        match asked.next("measuring").await? {
            (News::Picked, at) => picked.push(at),
            (News::Measured(Ok(measured)), _) => return Ok((*measured, picked)),
            (News::Measured(Err(error)), _) => return Err(LabError::failed("measuring", error)),
            (News::Heard(_), _) => {}
        }
    }
}

/// Runs an experiment in the worker.
///
/// # Errors
/// Returns a [`LabError`].
pub async fn in_worker(app: App, spec: Spec) -> Result<(LabResult, Vec<Record>), LabError> {
    let (sender, end) = oneshot::channel();
    app.inner().lab.end.replace(Some(sender));
    let what = spec.experiment.name();
    app.send(
        LabCommand::Run {
            spec: Box::new(spec),
        },
        &[],
    );
    match end.await {
        Ok(LabEnd::Done { result, records }) => Ok((*result, records)),
        Ok(LabEnd::Stopped) => Err(LabError::Stopped),
        // The worker's message needs no prefix.
        Ok(LabEnd::Failed { error }) => Err(LabError::Setting(error)),
        Err(_) => Err(silence(app, what)),
    }
}

/// Passes on the end of a run in the worker.
pub fn ended(app: App, end: LabEnd) {
    let waits = app.inner().lab.end.take();
    if let Some(waits) = waits {
        // A closed receiver needs no result.
        drop(waits.send(end));
    }
}

/// Sets the stub level.
///
/// # Errors
/// Returns a [`LabError`].
pub async fn set_stub(app: App, level: StubLevel) -> Result<(), LabError> {
    let (sender, set) = oneshot::channel();
    app.inner().lab.stub.replace(Some(sender));
    app.send(EngineCommand::SetStub { level }, &[]);
    match set.await {
        Ok(None) => Ok(()),
        Ok(Some(error)) => Err(LabError::failed("a stub level", error)),
        Err(_) => Err(silence(app, "a stub level")),
    }
}

/// Passes on the worker's reply to a change of the stub level.
pub fn stub_set(app: App, error: Option<String>) {
    let waits = app.inner().lab.stub.take();
    if let Some(waits) = waits {
        drop(waits.send(error));
    }
}
