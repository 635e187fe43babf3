//! The engine's thread: what starts it, ends it, and hears of its end.

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
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

/// A thread that owns an engine, or will once it is told to load one.
pub struct EngineThread {
    inbox: UnboundedSender<Incoming<()>>,
    abort: AbortHandle,
    thread: JoinHandle<()>,
}

impl EngineThread {
    /// Starts one, which does nothing before the one `before` it has ended: two models may be more than
    /// the device has room for.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(
        hear: impl Fn(Reply, Option<String>) + Send + 'static,
        before: Option<Self>,
    ) -> Result<Self, ShellError> {
        let (inbox, commands) = unbounded();
        let (abort, registration) = AbortHandle::new_pair();
        let of_thread = abort.clone();
        let thread = std::thread::Builder::new().name(NAME.into());
        let work = move || {
            if let Some(before) = before {
                // Its panic was told when it came.
                let _ended = before.thread.join();
            }
            let host = DesktopHost::new(hear, of_thread);
            run(&host, commands, registration);
        };
        let thread = thread.spawn(work).map_err(ShellError::Thread)?;
        Ok(Self {
            inbox,
            abort,
            thread,
        })
    }

    /// Hands it a command. One that panicked has said so, and hears nothing any more.
    pub fn tell(&self, command: Command) {
        let command = Box::new(command);
        let _gone = self
            .inbox
            .unbounded_send(Incoming::Command { command, files: () });
    }

    /// Ends what it does: an answer after its step, a load after its read. Waits for nothing.
    pub fn stop(&self) {
        self.abort.abort();
    }

    /// Stops it, and waits for its end as long as `limit`; false where it goes on.
    pub fn end_within(self, limit: Duration) -> bool {
        self.stop();
        let begin = Instant::now();
        while !self.thread.is_finished() {
            if begin.elapsed() >= limit {
                return false;
            }
            sleep(LOOK);
        }
        true
    }
}

/// Serves commands until the abort, or a panic.
fn run(
    host: &DesktopHost,
    commands: UnboundedReceiver<Incoming<()>>,
    registration: AbortRegistration,
) {
    let session = Abortable::new(llamaglass_session::run(host, commands), registration);
    // Nothing of the session is looked at after a panic.
    let ended = catch_unwind(AssertUnwindSafe(|| pollster::block_on(session)));
    if ended.is_err() {
        let message = last_words().take();
        let message = message.unwrap_or_else(|| "the engine's thread ended unexpectedly".into());
        host.tell(Reply::Crashed { message });
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

    fn start(before: Option<EngineThread>) -> (EngineThread, Heard) {
        let (heard, hear) = channel();
        let tell = move |reply, path| {
            if matches!(reply, Reply::StoredModels { .. }) {
                panic!("on purpose");
            }
            let _gone = heard.send((reply, path));
        };
        (EngineThread::start(tell, before).expect("starts"), hear)
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
        let (thread, heard) = start(None);
        thread.tell(missing());
        let Reply::LoadFailed { error } = next(&heard) else {
            panic!("there is no such file");
        };
        assert!(error.starts_with("/nowhere/a.gguf: "), "{error}");
        assert!(thread.end_within(LONG));
        assert!(heard.recv().is_err(), "it ended without a word");
    }

    #[test]
    fn the_next_one_begins_when_the_one_before_it_has_ended() {
        let (first, _) = start(None);
        first.stop();
        let (second, heard) = start(Some(first));
        second.tell(missing());
        assert!(matches!(next(&heard), Reply::LoadFailed { .. }));
        assert!(second.end_within(LONG));
    }

    #[test]
    fn a_panic_is_told_in_its_own_words_and_ends_the_thread_alone() {
        keep_last_words();
        let (thread, heard) = start(None);
        thread.tell(Command::StoredModels);
        let Reply::Crashed { message } = next(&heard) else {
            panic!("it has panicked");
        };
        assert!(message.contains("on purpose"), "{message}");
        thread.tell(missing());
        let (next_one, heard) = start(Some(thread));
        next_one.tell(missing());
        assert!(matches!(next(&heard), Reply::LoadFailed { .. }));
    }
}
