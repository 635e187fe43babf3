//! The engine thread's loop: handle commands, then run one step.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use llamaglass_engine::Engine;
use llamaglass_engine::event::{Event, RequestId};

use super::Command;
use super::answer::{Listener, Lost};
use super::gauges::Gauges;

/// Maximum time for commands between two steps. A prepared request takes microseconds.
const COMMANDS_LIMIT: Duration = Duration::from_millis(2);

type Listeners = HashMap<RequestId, Listener>;

/// Runs the engine until every handle is gone or it is told to stop.
pub(super) fn run(
    mut engine: Engine,
    inbox: &Receiver<Command>,
    gauges: &Gauges,
    is_stopping: &AtomicBool,
) {
    let mut listeners = Listeners::new();
    while !is_stopping.load(Ordering::Acquire) {
        if engine.is_idle() {
            let Ok(command) = inbox.recv() else { return };
            obey(&mut engine, command, &mut listeners);
        }
        let start = Instant::now();
        while start.elapsed() < COMMANDS_LIMIT {
            match inbox.try_recv() {
                Ok(command) => obey(&mut engine, command, &mut listeners),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        for event in pollster::block_on(engine.step()) {
            deliver(&mut engine, event, &mut listeners);
        }
        gauges.set(&engine);
    }
}

fn obey(engine: &mut Engine, command: Command, listeners: &mut Listeners) {
    match command {
        Command::Submit(id, request, listener) => {
            engine.submit_prepared(id, *request);
            listeners.insert(id, listener);
        }
        Command::MakeUp(id, request, mut listener) => {
            listener.make_up(id, &request, engine.info().context_length);
        }
        Command::Abort(id) => engine.abort(id),
        Command::ClearCache => engine.clear_cache(),
        Command::With(work) => work(engine),
        // The loop in `run` checks `is_stopping`.
        Command::Stop => {}
    }
}

fn deliver(engine: &mut Engine, event: Event, listeners: &mut Listeners) {
    let (id, is_last) = (event.request(), event.is_last());
    let sent = match listeners.get_mut(&id) {
        Some(listener) => listener.send(event),
        None => Ok(()),
    };
    if is_last || sent.is_err() {
        listeners.remove(&id);
    }
    if let (Err(Lost::Left | Lost::Unread), false) = (sent, is_last) {
        engine.abort(id);
    }
}
