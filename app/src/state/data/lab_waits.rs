//! The lab's open requests.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use futures::channel::mpsc::UnboundedSender;
use futures::channel::oneshot;

use crate::lab::{LabEnd, Measured};
use crate::protocol::Tag;
use crate::stats::ReceivedEvent;

/// Replies that the lab waits for, with the channels that deliver them.
#[derive(Default)]
pub struct LabWaits {
    /// Open requests. Each event comes with its arrival on the page's clock.
    pub requests: RefCell<HashMap<Tag, UnboundedSender<(LabEvent, f64)>>>,
    /// End of a run in the engine's program.
    pub run_end: RefCell<Option<oneshot::Sender<LabEnd>>>,
    /// Reply to a change of the stub level.
    pub stub_set: RefCell<Option<oneshot::Sender<Option<String>>>>,
    /// True once the running experiment was asked to stop.
    pub is_stopped: Cell<bool>,
    /// Reason why nothing more will arrive.
    pub lost: RefCell<Option<String>>,
}

/// Event of a request or a measurement of the lab.
pub enum LabEvent {
    /// Part of an answer.
    Answer(ReceivedEvent),
    /// One more token of a running measurement.
    Sampled,
    /// Result of a measurement.
    Measured(Result<Box<Measured>, String>),
}
