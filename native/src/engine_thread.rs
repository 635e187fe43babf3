//! The engine on a thread of its own: commands in, events out.
//!
//! Whoever asks never waits for a step: a terminal hears Ctrl-C while the device computes, and a
//! server can hold many answers at once. Answers are told apart here, so that each asker reads only
//! its own events. Dropping an [`Answer`] before its end aborts it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow};
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use llamaglass_engine::event::{Event, RequestId};
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::tokenizer::Tokenizer;
use llamaglass_engine::{Engine, ModelInfo, StubLevel, stub_answer};

enum Command {
    Submit(RequestId, Box<Request>, UnboundedSender<Event>),
    Abort(RequestId),
    ClearCache,
    With(Work),
}

/// What is to be done with the engine.
type Work = Box<dyn FnOnce(&mut Engine) + Send>;

/// A running engine. Dropping it ends the thread after the step at hand.
#[derive(Debug)]
pub struct EngineThread {
    handle: Option<EngineHandle>,
    info: ModelInfo,
    tokenizer: Arc<Tokenizer>,
    thread: Option<JoinHandle<()>>,
}

/// What talks to the engine; cheap to clone and to send.
#[derive(Clone, Debug)]
pub struct EngineHandle {
    commands: Sender<Command>,
    next_id: Arc<AtomicU64>,
    gauges: Arc<Gauges>,
    /// A level's number.
    stub: Arc<AtomicU8>,
    context_length: usize,
}

/// How much an engine has to do, as of its last step.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Requests that wait for their turn.
    pub waiting: AtomicUsize,
    /// Requests that are answered.
    pub running: AtomicUsize,
    /// Blocks of the KV cache that requests hold.
    pub blocks_used: AtomicUsize,
    /// Blocks there are.
    pub blocks: AtomicUsize,
    /// Answers that were asked for, and not read to their end or given up yet.
    open: AtomicUsize,
}

/// Why a request was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// As many are open as may be.
    #[error("{open} requests are open, which is as many as may be")]
    Full {
        /// How many.
        open: usize,
    },
    /// The engine's thread ended.
    #[error("the engine's thread ended unexpectedly")]
    Died,
}

impl Gauges {
    fn set(&self, engine: &Engine) {
        let (waiting, running) = engine.load_now();
        let (used, all) = engine.blocks();
        self.waiting.store(waiting, Ordering::Relaxed);
        self.running.store(running, Ordering::Relaxed);
        self.blocks_used.store(used, Ordering::Relaxed);
        self.blocks.store(all, Ordering::Relaxed);
    }
}

/// One request's events as they come; a stream for a server, blocking for a terminal.
#[derive(Debug)]
pub struct Answer {
    /// The request.
    pub id: RequestId,
    /// Its events; the last one is `Done` or `Failed`, unless the engine's thread died.
    pub events: UnboundedReceiver<Event>,
    _place: Option<Place>,
}

/// A place among the open answers.
#[derive(Debug)]
struct Place(Arc<Gauges>);

impl Place {
    /// One of at most `most`.
    fn take(gauges: &Arc<Gauges>, most: usize) -> Result<Self, SubmitError> {
        let more = |open| (open < most).then_some(open + 1);
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        match gauges.open.fetch_update(set, fetch, more) {
            Ok(_) => Ok(Self(Arc::clone(gauges))),
            Err(open) => Err(SubmitError::Full { open }),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Answer {
    /// One that no engine gives, of `most` tokens at most.
    pub fn made_up(request: &Request, most: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = RequestId(NEXT.fetch_add(1, Ordering::Relaxed));
        let (sender, events) = unbounded();
        make_up(id, request, most, &sender);
        Self {
            id,
            events,
            _place: None,
        }
    }

    /// The next event; `None` after the last.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.next().await
    }

    /// Waits for the next event; `None` after the last.
    pub fn next_blocking(&mut self) -> Option<Event> {
        pollster::block_on(self.events.next())
    }
}

impl EngineThread {
    /// Starts the thread, loads there with `load`, and waits for that.
    ///
    /// # Errors
    /// What `load` says.
    pub fn spawn(load: impl FnOnce() -> Result<Engine> + Send + 'static) -> Result<Self> {
        let (commands, inbox) = channel();
        let (loaded, wait) = channel();
        let gauges = Arc::new(Gauges::default());
        let of_engine = Arc::clone(&gauges);
        let thread = std::thread::Builder::new().name("engine".into());
        let thread = thread.spawn(move || match load() {
            Ok(engine) => {
                let known = (engine.info().clone(), Arc::clone(engine.tokenizer()));
                of_engine.set(&engine);
                if loaded.send(Ok(known)).is_ok() {
                    serve(engine, &inbox, &of_engine);
                }
            }
            Err(error) => {
                let _nobody_waits = loaded.send(Err(error));
            }
        });
        let thread = thread.context("starting the engine's thread")?;
        let (info, tokenizer) = wait.recv().map_err(|_| died())??;
        let next_id = Arc::default();
        Ok(Self {
            handle: Some(EngineHandle {
                commands,
                next_id,
                gauges,
                stub: Arc::new(AtomicU8::new(info.stub.number())),
                context_length: info.context_length,
            }),
            info,
            tokenizer,
            thread: Some(thread),
        })
    }

    /// What is loaded, and on what.
    pub const fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// The model's tokenizer.
    pub const fn tokenizer(&self) -> &Arc<Tokenizer> {
        &self.tokenizer
    }

    /// What talks to the engine.
    ///
    /// # Errors
    /// Where the engine is shutting down.
    pub fn handle(&self) -> Result<EngineHandle> {
        self.handle.clone().ok_or_else(died)
    }
}

impl Drop for EngineThread {
    fn drop(&mut self) {
        self.handle = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has already printed itself and was reported as a dead engine.
            let _ended = thread.join();
        }
    }
}

impl EngineHandle {
    /// Puts a request in the queue. Waits for nothing.
    ///
    /// # Errors
    /// Where the engine's thread is gone.
    pub fn submit(&self, request: Request) -> Result<Answer> {
        Ok(self.submit_within(request, usize::MAX)?)
    }

    /// The same, where fewer than `most` answers are open. An answer is open until it is dropped, so that
    /// whoever does not read takes no more memory than `most` answers are long.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub fn submit_within(&self, request: Request, most: usize) -> Result<Answer, SubmitError> {
        let stub = self.stub();
        if stub == StubLevel::Entry {
            return Ok(Answer::made_up(&request, self.context_length));
        }
        let place = Place::take(&self.gauges, most)?;
        // A request has a bounded number of events, so this holds no more than an answer is long.
        let (events, receiver) = unbounded();
        let id = RequestId(self.next_id.fetch_add(1, Ordering::Relaxed));
        if stub == StubLevel::Transfer {
            make_up(id, &request, self.context_length, &events);
        } else {
            let command = Command::Submit(id, Box::new(request), events);
            self.commands.send(command).map_err(|_| SubmitError::Died)?;
        }
        Ok(Answer {
            id,
            events: receiver,
            _place: Some(place),
        })
    }

    /// How far the path of requests is followed.
    pub fn stub(&self) -> StubLevel {
        // Only numbers of levels are put there.
        StubLevel::try_from(self.stub.load(Ordering::Relaxed)).unwrap_or_default()
    }

    /// Follows the path of requests as far as `level` from here on. None may be open.
    ///
    /// # Errors
    /// Where the engine has other weights, or its thread is gone.
    pub fn set_stub(&self, level: StubLevel) -> Result<()> {
        self.with(move |engine| engine.set_stub(level))??;
        self.stub.store(level.number(), Ordering::Relaxed);
        Ok(())
    }

    /// Does `work` with the engine on its thread, after the step at hand, and waits for that.
    ///
    /// # Errors
    /// Where the engine's thread is gone.
    pub fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Engine) -> T + Send + 'static,
    ) -> Result<T> {
        let (done, wait) = channel();
        self.later(move |engine| {
            let _nobody_waits = done.send(work(engine));
        })?;
        wait.recv().map_err(|_| died())
    }

    /// The same without waiting for it.
    ///
    /// # Errors
    /// Where the engine's thread is gone.
    pub fn later(&self, work: impl FnOnce(&mut Engine) + Send + 'static) -> Result<()> {
        self.send(Command::With(Box::new(work)))
    }

    /// How much the engine has to do.
    pub fn gauges(&self) -> &Gauges {
        &self.gauges
    }

    /// Ends a request within a step.
    ///
    /// # Errors
    /// Where the engine's thread is gone.
    pub fn abort(&self, request: RequestId) -> Result<()> {
        self.send(Command::Abort(request))
    }

    /// Forgets the KV prefix.
    ///
    /// # Errors
    /// Where the engine's thread is gone.
    pub fn clear_cache(&self) -> Result<()> {
        self.send(Command::ClearCache)
    }

    fn send(&self, command: Command) -> Result<()> {
        self.commands.send(command).map_err(|_| died())
    }
}

/// What a caller hears whose engine ended without a word.
pub fn died() -> anyhow::Error {
    anyhow!("the engine's thread ended unexpectedly")
}

/// Runs `work` on a thread of its own, so that a panic in it is an error here.
///
/// # Errors
/// What `work` says, or that it panicked.
pub fn run_apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let thread = std::thread::Builder::new().name("engine".into());
    let thread = thread.spawn(work).context("starting the engine's thread")?;
    thread.join().map_err(|_| died())?
}

/// Until every handle is gone: commands first, then one step.
fn serve(mut engine: Engine, inbox: &Receiver<Command>, gauges: &Gauges) {
    let mut listeners = HashMap::new();
    loop {
        if engine.is_idle() {
            let Ok(command) = inbox.recv() else { return };
            obey(&mut engine, command, &mut listeners);
        }
        loop {
            match inbox.try_recv() {
                Ok(command) => obey(&mut engine, command, &mut listeners),
                Err(std::sync::mpsc::TryRecvError::Empty) => break,
                Err(std::sync::mpsc::TryRecvError::Disconnected) => return,
            }
        }
        for event in pollster::block_on(engine.step()) {
            deliver(&mut engine, event, &mut listeners);
        }
        gauges.set(&engine);
    }
}

/// Answers a request without an engine.
fn make_up(id: RequestId, request: &Request, most: usize, events: &UnboundedSender<Event>) {
    for event in stub_answer(id, request, most) {
        // Who left does not hear the rest.
        let _gone = events.unbounded_send(event);
    }
}

type Listeners = HashMap<RequestId, UnboundedSender<Event>>;

fn obey(engine: &mut Engine, command: Command, listeners: &mut Listeners) {
    match command {
        Command::Submit(id, request, events) if engine.info().stub == StubLevel::Message => {
            make_up(id, &request, engine.info().context_length, &events);
        }
        Command::Submit(id, request, events) => {
            engine.submit_as(id, *request);
            listeners.insert(id, events);
        }
        Command::Abort(id) => engine.abort(id),
        Command::ClearCache => engine.clear_cache(),
        Command::With(work) => work(engine),
    }
}

fn deliver(engine: &mut Engine, event: Event, listeners: &mut Listeners) {
    let (id, last) = (event.request(), event.is_last());
    let gone = listeners
        .get(&id)
        .is_some_and(|listener| listener.unbounded_send(event).is_err());
    if gone || last {
        listeners.remove(&id);
    }
    if gone && !last {
        engine.abort(id);
    }
}
