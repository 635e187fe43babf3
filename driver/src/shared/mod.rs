//! An engine that answers any number of threads.
//!
//! No caller waits for a step: a terminal notices Ctrl-C while the device computes, and a server can have many responses
//! open. Prompts are tokenized and formats compiled on the caller's thread, so that no response waits for another
//! one's grammar. Each caller reads only the events of its own requests. Dropping a [`EventStream`] before its end
//! aborts the request.

mod events;
mod gauges;
mod handle;

use llamaglass_lab::{LoadedModel, StubLevel};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::channel::oneshot;
use llamaglass_engine::event::RequestId;
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::tokenizer::Tokenizer;
use llamaglass_engine::{Engine, ModelInfo, PreparedRequest, Preparer};

use crate::drive::{Driver, Requests, drive};
use crate::thread::{EngineThread, StopSignal, ThreadError};
use events::EventSender;
pub use events::{EventStream, Permit};
pub use gauges::Gauges;
pub use handle::{EngineHandle, SubmitError};

/// Maximum time that [`SharedEngine::end_at_once`] waits for the current step.
const STEP_LIMIT: Duration = Duration::from_secs(1);

/// A command of a handle.
enum Command {
    /// Queues a prepared request.
    Submit(RequestId, Box<PreparedRequest>, EventSender),
    /// Sends a stub response from this thread: the stub level ends the path of requests here.
    Stub(RequestId, Box<Request>, EventSender),
    Abort(RequestId),
    ClearCache,
    With(Work),
}

/// Work that runs with the engine on its thread.
type Work = Box<dyn FnOnce(&mut Engine) + Send>;

/// An engine on its own thread. Dropping it ends the thread after the current step.
#[derive(Debug)]
pub struct SharedEngine {
    handle: EngineHandle,
    info: LoadedModel,
    tokenizer: Arc<Tokenizer>,
    ended: Option<oneshot::Receiver<()>>,
    /// `None` once the engine was ended.
    thread: Option<EngineThread>,
}

/// Signals that the engine is gone, even by a panic.
struct EndNotice {
    is_alive: Arc<AtomicBool>,
    /// Dropped with the notice, which wakes the receiver.
    _ended: oneshot::Sender<()>,
}

impl Drop for EndNotice {
    fn drop(&mut self) {
        self.is_alive.store(false, Ordering::Release);
    }
}

/// Facts about a loaded engine.
type Loaded = (ModelInfo, Arc<Tokenizer>, Preparer);

impl SharedEngine {
    /// Starts the thread, loads the engine there with `load`, which sets the stub level `stub`, and waits until it
    /// is loaded.
    ///
    /// # Errors
    /// Returns the error of `load`, or a [`ThreadError`] if the thread can't start or panics.
    pub fn spawn<E: From<ThreadError> + Send + 'static>(
        stub: StubLevel,
        load: impl FnOnce() -> Result<Engine, E> + Send + 'static,
    ) -> Result<Self, E> {
        let (commands, inbox) = unbounded();
        let (loaded, wait) = channel();
        let gauges = Arc::new(Gauges::default());
        let is_alive = Arc::new(AtomicBool::new(true));
        let (notice, ended) = oneshot::channel();
        let notice = EndNotice {
            is_alive: Arc::clone(&is_alive),
            _ended: notice,
        };
        let of_thread = Arc::clone(&gauges);
        let task = async move |stop| {
            let _notice = notice;
            match load() {
                Ok(engine) => run(engine, inbox, of_thread, stop, loaded).await,
                Err(error) => {
                    let _nobody_waits = loaded.send(Err(error));
                }
            }
        };
        // The panic was printed, and the notice reports it.
        let thread = EngineThread::start(task, |_| {}).map_err(ThreadError::Start)?;
        let (info, tokenizer, preparer) = wait.recv().map_err(|_| ThreadError::Ended)??;
        Ok(Self {
            handle: EngineHandle {
                commands,
                next_id: Arc::default(),
                gauges,
                stub: Arc::new(AtomicU8::new(stub.number())),
                is_alive,
                preparer,
                context_length: info.context_length,
            },
            info: LoadedModel { info, stub },
            tokenizer,
            ended: Some(ended),
            thread: Some(thread),
        })
    }

    /// Returns the loaded model and its device.
    pub const fn info(&self) -> &LoadedModel {
        &self.info
    }

    /// Returns the model's tokenizer.
    pub const fn tokenizer(&self) -> &Arc<Tokenizer> {
        &self.tokenizer
    }

    /// Returns a handle to the engine.
    pub const fn handle(&self) -> &EngineHandle {
        &self.handle
    }

    /// Waits until the engine's thread has ended, which it does by itself only if it panics. Only the first call's
    /// future ever completes.
    pub fn ended(&mut self) -> impl Future<Output = ()> + use<> {
        let ended = self.ended.take();
        async move {
            match ended {
                // The sender is dropped without sending.
                Some(ended) => drop(ended.await),
                None => futures::future::pending().await,
            }
        }
    }

    /// Ends the engine because the program is about to end. Waits at most `STEP_LIMIT` for the current step.
    pub fn end_at_once(mut self) {
        if let Some(thread) = self.thread.take() {
            thread.end_within(STEP_LIMIT);
        }
    }
}

impl Drop for SharedEngine {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join();
        }
    }
}

/// Reports the loaded engine and drives it.
async fn run<E>(
    engine: Engine,
    inbox: UnboundedReceiver<Command>,
    gauges: Arc<Gauges>,
    stop: StopSignal,
    loaded: Sender<Result<Loaded, E>>,
) {
    let tokenizer = Arc::clone(engine.tokenizer());
    let known = (engine.info().clone(), tokenizer, engine.preparer());
    gauges.set(&engine);
    if loaded.send(Ok(known)).is_err() {
        return;
    }
    let mut driver = SharedDriver {
        engine,
        requests: Requests::default(),
        gauges,
        stop,
    };
    drive(&mut driver, inbox).await;
}

/// Driver of a [`SharedEngine`].
struct SharedDriver {
    engine: Engine,
    requests: Requests<EventSender>,
    gauges: Arc<Gauges>,
    stop: StopSignal,
}

impl Driver for SharedDriver {
    type Command = Command;

    fn is_idle(&self) -> bool {
        self.engine.is_idle()
    }

    async fn handle(&mut self, command: Command, _inbox: &mut UnboundedReceiver<Command>) {
        match command {
            Command::Submit(id, request, events) => {
                self.engine.submit_prepared(id, *request);
                self.requests.add(id, events);
            }
            Command::Stub(id, request, mut events) => {
                events.send_stub(id, &request, self.engine.info().context_length);
            }
            Command::Abort(id) => self.engine.abort(id),
            Command::ClearCache => self.engine.clear_cache(),
            Command::With(work) => work(&mut self.engine),
        }
    }

    async fn step(&mut self) {
        let send = |events: &mut EventSender, event| events.send(event).is_ok();
        self.requests.step(&mut self.engine, send).await;
        self.gauges.set(&self.engine);
    }

    async fn yield_now(&self) {
        self.stop.check().await;
    }
}
