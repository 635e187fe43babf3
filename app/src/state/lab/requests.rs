//! The lab's channel to the engine or server: requests out, events in.

use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::channel::oneshot;
use llamaglass_lab::{LabError, LabResult, StubLevel};
use llamaglass_types::Request;
use llamaglass_types::stats::Record;

use super::super::app::{App, now};
use super::super::data::LabEvent;
use crate::lab::{Job, LabEnd, Measured, Spec};
use crate::protocol::{EngineCommand, LabCommand, Tag};

/// Passes an event to the part of the lab that waits for it. Returns the event if none does.
pub fn deliver(app: App, tag: Tag, event: LabEvent) -> Option<LabEvent> {
    let inner = app.inner();
    let requests = inner.lab.requests.borrow();
    let Some(sender) = requests.get(&tag) else {
        return Some(event);
    };
    // A closed receiver needs no more events.
    drop(sender.unbounded_send((event, now())));
    None
}

/// Returns whether the running experiment was asked to stop.
pub fn is_stopped(app: App) -> bool {
    app.inner().lab.is_stopped.get()
}

/// Clears the state of an earlier stop or loss.
pub fn start(app: App) {
    let inner = app.inner();
    inner.lab.is_stopped.set(false);
    inner.lab.lost.replace(None);
}

/// Stops the experiment and aborts its open requests.
pub fn stop(app: App) {
    let inner = app.inner();
    inner.lab.is_stopped.set(true);
    let requests = std::mem::take(&mut *inner.lab.requests.borrow_mut());
    for tag in requests.keys() {
        app.send(EngineCommand::Abort { tag: *tag }, &[]);
    }
}

/// Ends every wait with the reason `why`.
pub fn fail_all(app: App, why: &str) {
    let inner = app.inner();
    inner.lab.lost.replace(Some(why.to_owned()));
    inner.lab.requests.borrow_mut().clear();
    inner.lab.run_end.replace(None);
    inner.lab.stub_set.replace(None);
}

/// Returns the error that explains why nothing more arrives.
fn no_reply_error(app: App, what: &str) -> LabError {
    let inner = app.inner();
    let lost = inner.lab.lost.borrow().clone();
    match lost {
        Some(why) => LabError::failed(what, why),
        None if inner.lab.is_stopped.get() => LabError::Stopped,
        None => LabError::failed(what, "its engine sends nothing more"),
    }
}

/// A request or measurement that was sent.
pub struct OpenRequest {
    app: App,
    /// The page's number for it.
    pub tag: Tag,
    events: UnboundedReceiver<(LabEvent, f64)>,
}

impl OpenRequest {
    fn new(app: App) -> Self {
        let (sender, events) = unbounded();
        let tag = app.next_tag();
        app.inner().lab.requests.borrow_mut().insert(tag, sender);
        Self { app, tag, events }
    }

    /// Returns the next event and its arrival on the page's clock.
    /// Fails if no more will arrive.
    pub async fn next(&mut self, what: &str) -> Result<(LabEvent, f64), LabError> {
        // After a stop, events that arrived before it are dropped, too.
        if is_stopped(self.app) {
            return Err(LabError::Stopped);
        }
        let next = self.events.next().await;
        next.ok_or_else(|| no_reply_error(self.app, what))
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.app.inner().lab.requests.borrow_mut().remove(&self.tag);
    }
}

/// Sends a request.
pub fn submit(app: App, request: Request) -> OpenRequest {
    let open = OpenRequest::new(app);
    let tag = open.tag;
    app.send(EngineCommand::Submit { tag, request }, &[]);
    open
}

/// Has the engine's side run a job. Also returns the arrival times of the tokens that it reported meanwhile.
pub async fn measure(app: App, job: Job) -> Result<(Measured, Vec<f64>), LabError> {
    let mut request = OpenRequest::new(app);
    let tag = request.tag;
    app.send(LabCommand::Measure { tag, job }, &[]);
    let mut arrivals_ms = Vec::new();
    loop {
        match request.next("measuring").await? {
            (LabEvent::Sampled, at) => arrivals_ms.push(at),
            (LabEvent::Measured(Ok(measured)), _) => return Ok((*measured, arrivals_ms)),
            (LabEvent::Measured(Err(error)), _) => {
                return Err(LabError::failed("measuring", error));
            }
            (LabEvent::Answer(_), _) => {}
        }
    }
}

/// Runs an experiment in the engine's program.
pub async fn run_in_engine(app: App, spec: Spec) -> Result<(LabResult, Vec<Record>), LabError> {
    let (sender, end) = oneshot::channel();
    app.inner().lab.run_end.replace(Some(sender));
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
        Err(_) => Err(no_reply_error(app, what)),
    }
}

/// Passes on the end of a run in the worker.
pub fn deliver_end(app: App, end: LabEnd) {
    let sender = app.inner().lab.run_end.take();
    if let Some(sender) = sender {
        // A closed receiver needs no result.
        drop(sender.send(end));
    }
}

/// Sets the stub level.
pub async fn set_stub(app: App, level: StubLevel) -> Result<(), LabError> {
    let (sender, set) = oneshot::channel();
    app.inner().lab.stub_set.replace(Some(sender));
    app.send(EngineCommand::SetStub { level }, &[]);
    match set.await {
        Ok(None) => Ok(()),
        Ok(Some(error)) => Err(LabError::failed("a stub level", error)),
        Err(_) => Err(no_reply_error(app, "a stub level")),
    }
}

/// Passes on the worker's reply to a change of the stub level.
pub fn deliver_stub_set(app: App, error: Option<String>) {
    let sender = app.inner().lab.stub_set.take();
    if let Some(sender) = sender {
        drop(sender.send(error));
    }
}
