//! The engine's thread: starts, stops and replaces engines, and reports their panics.

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::future::{AbortHandle, AbortRegistration, Abortable};
use llamaglass_session::protocol::{Command, EngineReply, Reply};
use llamaglass_session::{Host, Incoming};

use crate::error::ShellError;
use crate::host::DesktopHost;

/// Name of the thread, by which the panic hook recognises it.
const NAME: &str = "engine";

/// Interval between checks that the thread has ended.
const LOOK: Duration = Duration::from_millis(5);

/// Message of a panic on the engine's thread.
static LAST_WORDS: Mutex<Option<String>> = Mutex::new(None);

/// Receives an engine's replies. The reply that ends a load comes with the model's path, if the model was opened.
pub type Hear = Box<dyn Fn(Reply, Option<String>) + Send>;

/// The thread that owns the engine. It outlives an engine that is given up: the device belongs to the thread, and
/// the next engine uses it again.
pub struct EngineThread {
    sessions: mpsc::Sender<Session>,
    inbox: UnboundedSender<Incoming<()>>,
    abort: AbortHandle,
    thread: JoinHandle<()>,
}

/// Life of one engine, from its first command to its abort.
struct Session {
    hear: Hear,
    commands: UnboundedReceiver<Incoming<()>>,
    abort: AbortHandle,
    registration: AbortRegistration,
}

impl EngineThread {
    /// Starts the thread with an engine whose replies go to `hear`.
    ///
    /// # Errors
    /// Fails if the system can't create a thread.
    pub fn start(hear: Hear) -> Result<Self, ShellError> {
        let (sessions, waiting) = mpsc::channel::<Session>();
        let thread = std::thread::Builder::new().name(NAME.into());
        let thread = thread.spawn(move || {
            while let Ok(session) = waiting.recv() {
                if let Err(panicked) = session.run() {
                    // The device may be in any state, so the thread stops accepting sessions before it reports
                    // the panic.
                    drop(waiting);
                    return panicked.tell();
                }
            }
        });
        let (session, inbox, abort) = Session::new(hear);
        let this = Self {
            sessions,
            inbox,
            abort,
            thread: thread.map_err(ShellError::Thread)?,
        };
        // The thread waits for its first session.
        let _begun = this.sessions.send(session);
        Ok(this)
    }

    /// Stops the engine and starts another one once the first has ended: the device may not have room for two
    /// models. Returns `hear` if the thread has ended, after a panic.
    pub fn begin(&mut self, hear: Hear) -> Option<Hear> {
        self.stop();
        let (session, inbox, abort) = Session::new(hear);
        if let Err(mpsc::SendError(session)) = self.sessions.send(session) {
            return Some(session.hear);
        }
        self.inbox = inbox;
        self.abort = abort;
        None
    }

    /// Sends a command to the engine. After a panic, which was reported, commands are dropped.
    pub fn send(&self, command: impl Into<Command>) {
        let command = Box::new(command.into());
        let _gone = self.inbox.unbounded_send(Incoming { command, files: () });
    }

    /// Stops the engine: an answer after its step, a load after its read. Does not wait.
    pub fn stop(&self) {
        self.abort.abort();
    }

    /// Ends the thread and waits for that at most `limit`. Returns false if it is still running.
    pub fn end_within(self, limit: Duration) -> bool {
        self.stop();
        let Self {
            sessions, thread, ..
        } = self;
        drop(sessions);
        let begin = Instant::now();
        while !thread.is_finished() {
            if begin.elapsed() >= limit {
                return false;
            }
            sleep(LOOK);
        }
        true
    }
}

impl Session {
    fn new(hear: Hear) -> (Self, UnboundedSender<Incoming<()>>, AbortHandle) {
        let (inbox, commands) = unbounded();
        let (abort, registration) = AbortHandle::new_pair();
        let session = Self {
            hear,
            commands,
            abort: abort.clone(),
            registration,
        };
        (session, inbox, abort)
    }

    /// Handles commands until the abort.
    fn run(self) -> Result<(), Panicked> {
        let host = DesktopHost::new(self.hear, self.abort);
        let session = llamaglass_session::run(&host, self.commands);
        let session = Abortable::new(session, self.registration);
        // The session is not used after a panic.
        let ended = catch_unwind(AssertUnwindSafe(|| pollster::block_on(session)));
        let Err(_words) = ended else { return Ok(()) };
        let message = last_words().take();
        let message = message.unwrap_or_else(|| "the engine's thread ended unexpectedly".into());
        Err(Panicked { host, message })
    }
}

/// A session that panicked.
struct Panicked {
    host: DesktopHost,
    message: String,
}

impl Panicked {
    /// Reports the panic.
    fn tell(self) {
        let message = self.message;
        self.host.send(EngineReply::Crashed { message });
    }
}

/// Stores panic messages of the engine's thread for [`EngineReply::Crashed`]; they are printed as well.
pub fn keep_last_words() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        if std::thread::current().name() == Some(NAME) {
            *last_words() = Some(info.to_string());
        }
        before(info);
    }));
}

fn last_words() -> MutexGuard<'static, Option<String>> {
    LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;
    use llamaglass_engine::LoadOptions;
    use llamaglass_session::protocol::{EngineCommand, ModelSource, StorageCommand, StorageReply};

    /// Long enough for every test on a busy machine.
    const LONG: Duration = Duration::from_secs(60);

    type Heard = Receiver<(Reply, Option<String>)>;

    fn hear() -> (Hear, Heard) {
        let (heard, hear) = channel();
        let tell = move |reply, path| {
            if matches!(reply, Reply::Storage(StorageReply::Size { .. })) {
                panic!("on purpose");
            }
            let _gone = heard.send((reply, path));
        };
        (Box::new(tell), hear)
    }

    fn start() -> (EngineThread, Heard) {
        let (tell, heard) = hear();
        (EngineThread::start(tell).expect("starts"), heard)
    }

    fn next(heard: &Heard) -> Reply {
        heard.recv_timeout(LONG).expect("says something").0
    }

    fn missing() -> EngineCommand {
        let path = "/nowhere/a.gguf".into();
        EngineCommand::Load {
            source: ModelSource::Local { path },
            options: LoadOptions::default(),
        }
    }

    #[test]
    fn missing_file_is_reported_once() {
        let (thread, heard) = start();
        thread.send(missing());
        let Reply::Engine(EngineReply::LoadFailed { error }) = next(&heard) else {
            panic!("there is no such file");
        };
        assert!(error.starts_with("/nowhere/a.gguf: "), "{error}");
        assert!(thread.end_within(LONG));
        assert!(heard.recv().is_err(), "it ended without a word");
    }

    #[test]
    fn next_engine_starts_on_the_same_thread_after_the_last_ends() {
        let (mut thread, before) = start();
        let id = thread.thread.thread().id();
        let (tell, heard) = hear();
        assert!(thread.begin(tell).is_none(), "the thread is there");
        thread.send(missing());
        assert!(matches!(
            next(&heard),
            Reply::Engine(EngineReply::LoadFailed { .. })
        ));
        assert!(before.recv().is_err(), "of the first, nothing is heard");
        assert_eq!(thread.thread.thread().id(), id);
        assert!(thread.end_within(LONG));
    }

    #[test]
    fn panic_is_reported_and_ends_only_the_thread() {
        keep_last_words();
        let (mut thread, heard) = start();
        thread.send(StorageCommand::Measure);
        let Reply::Engine(EngineReply::Crashed { message }) = next(&heard) else {
            panic!("it has panicked");
        };
        assert!(message.contains("on purpose"), "{message}");
        let (tell, heard) = hear();
        let tell = thread.begin(tell).expect("the thread is gone");
        let thread = EngineThread::start(tell).expect("starts");
        thread.send(missing());
        assert!(matches!(
            next(&heard),
            Reply::Engine(EngineReply::LoadFailed { .. })
        ));
    }
}
