//! The loop that owns an engine, and the receivers of its events.

use std::collections::HashMap;

use futures::channel::mpsc::UnboundedReceiver;
use futures::{FutureExt, StreamExt};
use llamaglass_engine::Engine;
use llamaglass_engine::event::{Event, RequestId};
use llamaglass_engine::platform::Stopwatch;

/// Maximum time for commands between two steps, in milliseconds, so that many commands cannot stall the running
/// requests. A prepared request takes microseconds.
const MAX_COMMANDS_MS: f64 = 2.0;

/// An engine, the commands that it understands, and the platform that it runs on.
pub trait Driver {
    /// A command.
    type Command;

    /// Returns true if only a command can give the engine work.
    fn is_idle(&self) -> bool;

    /// Handles a command. Long work reads `inbox` meanwhile, so that it can be stopped.
    fn handle(
        &mut self,
        command: Self::Command,
        inbox: &mut UnboundedReceiver<Self::Command>,
    ) -> impl Future<Output = ()>;

    /// Runs at most one step of the engine.
    fn step(&mut self) -> impl Future<Output = ()>;

    /// Yields to the platform, so that commands sent meanwhile can arrive.
    fn yield_now(&self) -> impl Future<Output = ()>;
}

/// Handles commands and runs steps in turn until every sender of commands is gone.
pub async fn drive<D: Driver>(driver: &mut D, mut inbox: UnboundedReceiver<D::Command>) {
    loop {
        if driver.is_idle() {
            let Some(command) = inbox.next().await else {
                return;
            };
            driver.handle(command, &mut inbox).await;
        }
        let watch = Stopwatch::start();
        while watch.ms() < MAX_COMMANDS_MS {
            match inbox.next().now_or_never() {
                Some(Some(command)) => driver.handle(command, &mut inbox).await,
                Some(None) => return,
                None => break,
            }
        }
        driver.step().await;
        driver.yield_now().await;
    }
}

/// The running requests of an engine, each with the receiver of its events.
#[derive(Debug)]
pub struct Requests<R> {
    receivers: HashMap<RequestId, R>,
}

impl<R> Default for Requests<R> {
    fn default() -> Self {
        Self {
            receivers: HashMap::new(),
        }
    }
}

impl<R> Requests<R> {
    /// Adds a request that was submitted to the engine.
    pub fn add(&mut self, request: RequestId, receiver: R) {
        self.receivers.insert(request, receiver);
    }

    /// Removes all requests, because their engine is gone.
    pub fn clear(&mut self) {
        self.receivers.clear();
    }

    /// Returns the request whose receiver matches.
    pub fn find(&self, matches: impl Fn(&R) -> bool) -> Option<RequestId> {
        let found = self
            .receivers
            .iter()
            .find(|(_, receiver)| matches(receiver));
        found.map(|(request, _)| *request)
    }

    /// Runs at most one step and passes each event to `send` with its receiver. A request is aborted if `send`
    /// returns false, because nobody reads its events any more.
    pub async fn step(&mut self, engine: &mut Engine, mut send: impl FnMut(&mut R, Event) -> bool) {
        for event in engine.step().await {
            let (request, is_last) = (event.request(), event.is_last());
            let Some(receiver) = self.receivers.get_mut(&request) else {
                continue;
            };
            let is_read = send(receiver, event);
            if is_last || !is_read {
                self.receivers.remove(&request);
            }
            if !is_read && !is_last {
                engine.abort(request);
            }
        }
    }
}
