//! The engine's thread: what starts it, ends it, and hears of its end.

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::future::{AbortHandle, AbortRegistration, Abortable};
use llamaglass_session::protocol::{Command, Reply};
use llamaglass_session::{Host, Incoming};

use crate::error::ShellError;
use crate::host::DesktopHost;

/// The name of the thread, by which the panic hook knows it.
const NAME: &str = "engine";

/// How often it is looked whether the thread has ended.
const LOOK: Duration = Duration::from_millis(5);

/// What a panic of the engine's thread said.
static LAST_WORDS: Mutex<Option<String>> = Mutex::new(None);

/// Who hears what an engine says, and the path of what it has loaded.
pub type Hear = Box<dyn Fn(Reply, Option<String>) + Send>;

/// The thread that owns the engine, if there is one. It stays when an engine is given up: the device is the
/// thread's, and the next engine goes on with it.
pub struct EngineThread {
    sessions: mpsc::Sender<Session>,
    inbox: UnboundedSender<Incoming<()>>,
    abort: AbortHandle,
    thread: JoinHandle<()>,
}

/// An engine's life, from the first command to the abort.
struct Session {
    hear: Hear,
    commands: UnboundedReceiver<Incoming<()>>,
    abort: AbortHandle,
    registration: AbortRegistration,
}

impl EngineThread {
    /// Starts one, whose engine `hear` hears.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(hear: Hear) -> Result<Self, ShellError> {
        let (sessions, waiting) = mpsc::channel::<Session>();
        let thread = std::thread::Builder::new().name(NAME.into());
        let thread = thread.spawn(move || {
            while let Ok(session) = waiting.recv() {
                if let Err(panicked) = session.run() {
                    // The device may be in any state. Nothing is taken any more once this is told.
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
        // It waits for its first.
        let _begun = this.sessions.send(session);
        Ok(this)
    }

    /// Gives the engine up, and begins another one once it has gone: two models may be more than the device has
    /// room for. Gives `hear` back where the thread has ended, after a panic.
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

    /// Hands it a command. One that panicked has said so, and hears nothing any more.
    pub fn tell(&self, command: Command) {
        let command = Box::new(command);
        let _gone = self.inbox.unbounded_send(Incoming { command, files: () });
    }

    /// Ends what it does: an answer after its step, a load after its read. Waits for nothing.
    pub fn stop(&self) {
        self.abort.abort();
    }

    /// Ends the thread, and waits for that as long as `limit`; false where it goes on.
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

    /// Serves commands until the abort.
    fn run(self) -> Result<(), Panicked> {
        let host = DesktopHost::new(self.hear, self.abort);
        let session = llamaglass_session::run(&host, self.commands);
        let session = Abortable::new(session, self.registration);
        // Nothing of the session is looked at after a panic.
        let ended = catch_unwind(AssertUnwindSafe(|| pollster::block_on(session)));
        let Err(_words) = ended else { return Ok(()) };
        let message = last_words().take();
        let message = message.unwrap_or_else(|| "the engine's thread ended unexpectedly".into());
        Err(Panicked { host, message })
    }
}

/// A session that has panicked.
struct Panicked {
    host: DesktopHost,
    message: String,
}

impl Panicked {
    /// Tells it.
    fn tell(self) {
        let message = self.message;
        self.host.tell(Reply::Crashed { message });
    }
}

/// Keeps the last words of the engine's thread, for [`Reply::Crashed`]; they are printed as well.
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
    use llamaglass_session::protocol::ModelSource;

    /// Long enough for anything here on a busy machine.
    const LONG: Duration = Duration::from_secs(60);

    type Heard = Receiver<(Reply, Option<String>)>;

    fn hear() -> (Hear, Heard) {
        let (heard, hear) = channel();
        let tell = move |reply, path| {
            if matches!(reply, Reply::StoredModels { .. }) {
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

    fn missing() -> Command {
        let path = "/nowhere/a.gguf".into();
        Command::Load {
            source: ModelSource::Local { path },
            options: LoadOptions::default(),
        }
    }

    #[test]
    fn what_is_missing_is_refused_in_words_and_that_is_all_that_is_said() {
        let (thread, heard) = start();
        thread.tell(missing());
        let Reply::LoadFailed { error } = next(&heard) else {
            panic!("there is no such file");
        };
        assert!(error.starts_with("/nowhere/a.gguf: "), "{error}");
        assert!(thread.end_within(LONG));
        assert!(heard.recv().is_err(), "it ended without a word");
    }

    #[test]
    fn the_next_one_begins_on_the_same_thread_when_the_one_before_it_has_ended() {
        let (mut thread, before) = start();
        let id = thread.thread.thread().id();
        let (tell, heard) = hear();
        assert!(thread.begin(tell).is_none(), "the thread is there");
        thread.tell(missing());
        assert!(matches!(next(&heard), Reply::LoadFailed { .. }));
        assert!(before.recv().is_err(), "of the first, nothing is heard");
        assert_eq!(thread.thread.thread().id(), id);
        assert!(thread.end_within(LONG));
    }

    #[test]
    fn a_panic_is_told_in_its_own_words_and_ends_the_thread_alone() {
        keep_last_words();
        let (mut thread, heard) = start();
        thread.tell(Command::StoredModels);
        let Reply::Crashed { message } = next(&heard) else {
            panic!("it has panicked");
        };
        assert!(message.contains("on purpose"), "{message}");
        let (tell, heard) = hear();
        let tell = thread.begin(tell).expect("the thread is gone");
        let thread = EngineThread::start(tell).expect("starts");
        thread.tell(missing());
        assert!(matches!(next(&heard), Reply::LoadFailed { .. }));
    }
}
