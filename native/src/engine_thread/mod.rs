//! The engine on a thread of its own: commands in, events out.
//!
//! Askers never wait for a step: a terminal notices Ctrl-C while the device computes, and a server can have many
//! answers open. Prompts are tokenised and formats compiled on the asker's thread, so that no answer waits for
//! another one's grammar. Each asker reads only the events of its own answers. Dropping an [`Answer`] before its
//! end aborts it.

mod answer;
mod gauges;
mod handle;
mod run;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use futures::channel::oneshot;
use llamaglass_engine::event::RequestId;
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::tokenizer::Tokenizer;
use llamaglass_engine::{Engine, PreparedRequest};
use llamaglass_lab::{LoadedModel, StubLevel};

pub use answer::Answer;
use answer::Listener;
pub use gauges::Gauges;
pub use handle::{EngineHandle, SubmitError};

/// Maximum time that [`EngineThread::end_at_once`] waits for the current step.
const STEP_LIMIT: Duration = Duration::from_secs(1);

/// A message to the engine's thread.
enum Command {
    /// Queues a prepared request.
    Submit(RequestId, Box<PreparedRequest>, Listener),
    /// Makes up an answer on this thread; the stub level ends the path of requests here.
    MakeUp(RequestId, Box<Request>, Listener),
    Abort(RequestId),
    ClearCache,
    With(Work),
    /// Ends the thread.
    Stop,
}

/// Work that runs with the engine on its thread.
type Work = Box<dyn FnOnce(&mut Engine) + Send>;

/// A running engine. Dropping it ends the thread after the current step.
#[derive(Debug)]
pub struct EngineThread {
    handle: Option<EngineHandle>,
    info: LoadedModel,
    tokenizer: Arc<Tokenizer>,
    thread: Option<JoinHandle<()>>,
    is_stopping: Arc<AtomicBool>,
    ended: Option<oneshot::Receiver<()>>,
}

/// Signals that the engine's thread has ended, even by a panic.
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

impl EngineThread {
    /// Starts the thread, loads the engine there with `load`, which cuts its steps short at `stub`, and waits until
    /// it is loaded.
    ///
    /// # Errors
    /// Returns the error of `load`, or fails if the thread can't start or panics.
    pub fn spawn(
        stub: StubLevel,
        load: impl FnOnce() -> Result<Engine> + Send + 'static,
    ) -> Result<Self> {
        let (commands, inbox) = channel();
        let (loaded, wait) = channel();
        let gauges = Arc::new(Gauges::default());
        let is_stopping = Arc::new(AtomicBool::new(false));
        let is_alive = Arc::new(AtomicBool::new(true));
        let (notice, ended) = oneshot::channel();
        let notice = EndNotice {
            is_alive: Arc::clone(&is_alive),
            _ended: notice,
        };
        let shared = (Arc::clone(&gauges), Arc::clone(&is_stopping));
        let thread = std::thread::Builder::new().name("engine".into());
        let thread = thread.spawn(move || {
            let _notice = notice;
            let (gauges, is_stopping) = shared;
            match load() {
                Ok(engine) => {
                    let tokenizer = Arc::clone(engine.tokenizer());
                    let known = (engine.info().clone(), tokenizer, engine.preparer());
                    gauges.set(&engine);
                    if loaded.send(Ok(known)).is_ok() {
                        run::run(engine, &inbox, &gauges, &is_stopping);
                    }
                }
                Err(error) => {
                    let _nobody_waits = loaded.send(Err(error));
                }
            }
        });
        let thread = thread.context("starting the engine's thread")?;
        let (info, tokenizer, preparer) = wait.recv().map_err(|_| died())??;
        Ok(Self {
            handle: Some(EngineHandle {
                commands,
                next_id: Arc::default(),
                gauges,
                stub: Arc::new(AtomicU8::new(stub.number())),
                is_alive,
                preparer,
                context_length: info.context_length,
            }),
            info: LoadedModel { info, stub },
            tokenizer,
            thread: Some(thread),
            is_stopping,
            ended: Some(ended),
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
    ///
    /// # Errors
    /// Fails if the engine is shutting down.
    pub fn handle(&self) -> Result<EngineHandle> {
        self.handle.clone().ok_or_else(died)
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

    /// Ends the engine because the program is about to end. Waits at most [`STEP_LIMIT`] for the current step.
    pub fn end_at_once(mut self) {
        self.stop();
        let Some(thread) = self.thread.take() else {
            return;
        };
        let deadline = Instant::now() + STEP_LIMIT;
        while !thread.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn stop(&mut self) {
        self.is_stopping.store(true, Ordering::Release);
        if let Some(handle) = self.handle.take() {
            // The thread may have ended already.
            let _ended = handle.commands.send(Command::Stop);
        }
    }
}

impl Drop for EngineThread {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            // A panic has already printed its message and was reported as a dead engine.
            let _ended = thread.join();
        }
    }
}

/// Returns the error for an engine thread that ended unexpectedly.
pub fn died() -> anyhow::Error {
    anyhow!("the engine's thread ended unexpectedly")
}

/// Runs `work` on a separate thread, so that a panic in it becomes an error.
///
/// # Errors
/// Returns the error of `work`, or fails if it panics.
pub fn run_apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let thread = std::thread::Builder::new().name("engine".into());
    let thread = thread.spawn(work).context("starting the engine's thread")?;
    thread.join().map_err(|_| died())?
}
