//! What the lab asks of whoever answers, and waits for.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::channel::oneshot;
use llamaglass_engine::StubLevel;
use llamaglass_lab::{LabError, LabResult};
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::stats::Record;

use super::super::{App, now};
use crate::lab::{Job, LabEnd, Measured, Spec};
use crate::protocol::{Command, Tag};
use crate::stats::Heard;

/// What is waited for.
#[derive(Default)]
pub struct Waiting {
    open: RefCell<HashMap<Tag, UnboundedSender<(News, f64)>>>,
    end: RefCell<Option<oneshot::Sender<LabEnd>>>,
    stub: RefCell<Option<oneshot::Sender<Option<String>>>>,
    stopped: Cell<bool>,
    /// Why nothing more is heard.
    lost: RefCell<Option<String>>,
}

/// News of what the lab asked.
pub enum News {
    /// Of an answer.
    Heard(Heard),
    /// Of a piece that is being measured: one more id.
    Picked,
    /// Of one that has been.
    Measured(Result<Box<Measured>, String>),
}

/// Hands news to whoever waits for them; gives them back where nobody of the lab does.
pub fn heard(app: App, tag: Tag, news: News) -> Option<News> {
    let inner = app.inner();
    let open = inner.lab.open.borrow();
    let Some(sender) = open.get(&tag) else {
        return Some(news);
    };
    // Whoever does not listen any more needs none.
    drop(sender.unbounded_send((news, now())));
    None
}

/// Whether what runs was asked to stop.
pub fn is_stopped(app: App) -> bool {
    app.inner().lab.stopped.get()
}

/// Nothing has stopped yet, and nothing is lost.
pub fn start(app: App) {
    let inner = app.inner();
    inner.lab.stopped.set(false);
    inner.lab.lost.replace(None);
}

/// Ends what the page itself waits for.
pub fn stop(app: App) {
    let inner = app.inner();
    inner.lab.stopped.set(true);
    let open = std::mem::take(&mut *inner.lab.open.borrow_mut());
    for tag in open.keys() {
        app.send(&Command::Abort { tag: *tag }, &[]);
    }
}

/// Nothing that was asked will be answered.
pub fn lose(app: App, why: &str) {
    let inner = app.inner();
    inner.lab.lost.replace(Some(why.to_owned()));
    inner.lab.open.borrow_mut().clear();
    inner.lab.end.replace(None);
    inner.lab.stub.replace(None);
}

/// Why nothing comes any more.
fn silence(app: App, what: &str) -> LabError {
    let inner = app.inner();
    let lost = inner.lab.lost.borrow().clone();
    match lost {
        Some(why) => LabError::failed(what, why),
        None if inner.lab.stopped.get() => LabError::Stopped,
        None => LabError::failed(what, "nothing is heard of it any more"),
    }
}

/// What was asked under a tag.
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

    /// The next news, and when they came on the page's clock.
    ///
    /// # Errors
    /// [`LabError`] where none will come.
    pub async fn next(&mut self, what: &str) -> Result<(News, f64), LabError> {
        // What came before it was stopped is of no use any more.
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

/// Asks for an answer.
pub fn submit(app: App, request: Request) -> Asked {
    let asked = Asked::new(app);
    let tag = asked.tag;
    app.send(&Command::Submit { tag, request }, &[]);
    asked
}

/// Has a piece measured where the engine is; with when each id was heard that was told meanwhile.
///
/// # Errors
/// [`LabError`].
pub async fn measure(app: App, job: Job) -> Result<(Measured, Vec<f64>), LabError> {
    let mut asked = Asked::new(app);
    let tag = asked.tag;
    app.send(&Command::Measure { tag, job }, &[]);
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

/// Has the worker run an experiment.
///
/// # Errors
/// [`LabError`].
pub async fn in_worker(app: App, spec: Spec) -> Result<(LabResult, Vec<Record>), LabError> {
    let (sender, end) = oneshot::channel();
    app.inner().lab.end.replace(Some(sender));
    let what = spec.experiment.name();
    app.send(
        &Command::Lab {
            spec: Box::new(spec),
        },
        &[],
    );
    match end.await {
        Ok(LabEnd::Done { result, records }) => Ok((*result, records)),
        Ok(LabEnd::Stopped) => Err(LabError::Stopped),
        // The worker's words are whole.
        Ok(LabEnd::Failed { error }) => Err(LabError::Setting(error)),
        Err(_) => Err(silence(app, what)),
    }
}

/// A run in the worker has ended.
pub fn ended(app: App, end: LabEnd) {
    let waits = app.inner().lab.end.take();
    if let Some(waits) = waits {
        // Whoever does not listen any more needs none.
        drop(waits.send(end));
    }
}

/// Follows requests as far as `level`.
///
/// # Errors
/// [`LabError`].
pub async fn set_stub(app: App, level: StubLevel) -> Result<(), LabError> {
    let (sender, set) = oneshot::channel();
    app.inner().lab.stub.replace(Some(sender));
    app.send(&Command::SetStub { level }, &[]);
    match set.await {
        Ok(None) => Ok(()),
        Ok(Some(error)) => Err(LabError::failed("a stub level", error)),
        Err(_) => Err(silence(app, "a stub level")),
    }
}

/// The worker has said so.
pub fn stub_set(app: App, error: Option<String>) {
    let waits = app.inner().lab.stub.take();
    if let Some(waits) = waits {
        drop(waits.send(error));
    }
}
