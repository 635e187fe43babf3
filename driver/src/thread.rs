//! A thread for the tasks that own an engine, one after the other.

use std::future::pending;
use std::io;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{Builder, JoinHandle, current, sleep};
use std::time::{Duration, Instant};

use futures::future::{AbortHandle, Abortable};
use llamaglass_runner::decorators::DecorationError;
use thiserror::Error;

/// Name of the thread, by which [`capture_panics`] recognizes it.
const NAME: &str = "engine";
/// Interval between checks that the thread has ended.
const END_CHECK: Duration = Duration::from_millis(5);
/// Interval at which a sleep checks for a stop.
const STOP_CHECK: Duration = Duration::from_millis(20);

/// Message of a panic on an engine's thread.
static PANIC_MESSAGE: Mutex<Option<String>> = Mutex::new(None);

/// Reason why an engine's thread cannot be used.
#[derive(Debug, Error)]
pub enum ThreadError {
    /// The system can't create a thread.
    #[error("the engine's thread can't be started: {0}")]
    Start(#[from] io::Error),
    /// The thread has ended, by a panic.
    #[error("the engine's thread ended unexpectedly")]
    Ended,
    /// The engine refuses a setting.
    #[error(transparent)]
    Engine(#[from] DecorationError),
}

/// Tells a task on an [`EngineThread`] to end.
#[derive(Clone, Debug)]
pub struct StopSignal(AbortHandle);

impl Default for StopSignal {
    /// Returns the signal of no task.
    fn default() -> Self {
        Self(AbortHandle::new_pair().0)
    }
}

impl StopSignal {
    /// Tells the task to end. Does not wait.
    pub fn set(&self) {
        self.0.abort();
    }

    /// Returns true after the stop.
    pub fn is_set(&self) -> bool {
        self.0.is_aborted()
    }

    /// Returns at once, but never after the stop, so that the task ends here. Nothing else runs on the thread.
    pub async fn check(&self) {
        if self.is_set() {
            pending().await
        }
    }

    /// Sleeps for `ms` milliseconds. Never returns after the stop.
    pub async fn sleep(&self, ms: f64) {
        let start = Instant::now();
        let duration = Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default();
        while let Some(left) = duration.checked_sub(start.elapsed()) {
            self.check().await;
            sleep(left.min(STOP_CHECK));
        }
    }
}

/// A thread that runs tasks one after the other. It outlives a task that is stopped: the device belongs to the
/// thread, and the next task uses it again. Dropping it lets the running task go on.
#[derive(Debug)]
pub struct EngineThread {
    jobs: mpsc::Sender<Job>,
    stop: StopSignal,
    thread: JoinHandle<()>,
}

/// A task, and the receiver of its panic's message.
struct Job {
    run: Box<dyn FnOnce() + Send>,
    report_panic: Box<dyn FnOnce(String) + Send>,
}

impl EngineThread {
    /// Starts the thread with a task. If the task panics, the thread ends and calls `report_panic`.
    ///
    /// # Errors
    /// Fails if the system can't create a thread.
    pub fn start(
        task: impl AsyncFnOnce(StopSignal) + Send + 'static,
        report_panic: impl FnOnce(String) + Send + 'static,
    ) -> io::Result<Self> {
        let (job, stop) = Job::new(task, report_panic);
        Self::start_job(job, stop)
    }

    fn start_job(job: Job, stop: StopSignal) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let thread = Builder::new().name(NAME.into());
        let thread = thread.spawn(move || run_jobs(job, queue))?;
        Ok(Self { jobs, stop, thread })
    }

    /// Stops the running task, and starts another one once it has ended: the device may not have room for two
    /// models. Starts a new thread if the last task panicked.
    ///
    /// # Errors
    /// Fails if the system can't create a thread.
    pub fn restart(
        &mut self,
        task: impl AsyncFnOnce(StopSignal) + Send + 'static,
        report_panic: impl FnOnce(String) + Send + 'static,
    ) -> io::Result<()> {
        self.stop();
        let (job, stop) = Job::new(task, report_panic);
        match self.jobs.send(job) {
            Ok(()) => self.stop = stop,
            Err(mpsc::SendError(job)) => *self = Self::start_job(job, stop)?,
        }
        Ok(())
    }

    /// Tells the task to end: between two steps, or after the current read of a load. Does not wait.
    pub fn stop(&self) {
        self.stop.set();
    }

    /// Stops the task and waits at most `limit` for the thread's end. Returns false if it is still running.
    pub fn end_within(self, limit: Duration) -> bool {
        let thread = self.end();
        let start = Instant::now();
        while !thread.is_finished() {
            if start.elapsed() >= limit {
                return false;
            }
            sleep(END_CHECK);
        }
        true
    }

    /// Stops the task and waits for the thread's end.
    pub fn join(self) {
        // A panic has already printed its message.
        let _panicked = self.end().join();
    }

    /// Stops the task and has the thread end after it.
    fn end(self) -> JoinHandle<()> {
        self.stop();
        self.thread
    }
}

impl Job {
    fn new(
        task: impl AsyncFnOnce(StopSignal) + Send + 'static,
        report_panic: impl FnOnce(String) + Send + 'static,
    ) -> (Self, StopSignal) {
        let (abort, registration) = AbortHandle::new_pair();
        let stop = StopSignal(abort);
        let of_task = stop.clone();
        let run = move || {
            // Ends with an error if the task was stopped.
            let _stopped = pollster::block_on(Abortable::new(task(of_task), registration));
        };
        let job = Self {
            run: Box::new(run),
            report_panic: Box::new(report_panic),
        };
        (job, stop)
    }
}

fn run_jobs(first: Job, queue: mpsc::Receiver<Job>) {
    let mut next = Some(first);
    while let Some(job) = next {
        // Nothing of the task is used after a panic.
        if catch_unwind(AssertUnwindSafe(job.run)).is_err() {
            // The device may be in any state, so the thread takes no further task.
            drop(queue);
            let message = panic_message().take();
            let unknown = || ThreadError::Ended.to_string();
            return (job.report_panic)(message.unwrap_or_else(unknown));
        }
        next = queue.recv().ok();
    }
}

/// Stores the messages of panics on engine threads for their reports; they are printed as well.
pub fn capture_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        if current().name() == Some(NAME) {
            *panic_message() = Some(info.to_string());
        }
        before(info);
    }));
}

fn panic_message() -> MutexGuard<'static, Option<String>> {
    PANIC_MESSAGE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `work` on a separate thread and waits for it, so that a panic becomes an error.
///
/// # Errors
/// Returns the error of `work`, or a [`ThreadError`] if it panics.
pub fn run_on_thread<T: Send + 'static, E: From<ThreadError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    let thread = Builder::new().name(NAME.into()).spawn(work);
    let thread = thread.map_err(ThreadError::Start)?;
    thread.join().map_err(|_| ThreadError::Ended)?
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// Long enough for every test on a busy machine.
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn next_task_runs_on_the_same_thread_after_the_last_is_stopped() {
        let (ran, runs) = channel();
        let task = |ran: mpsc::Sender<_>| {
            async move |stop: StopSignal| {
                let _received = ran.send(current().id());
                stop.sleep(1e9).await;
            }
        };
        let report = |message| panic!("{message}");
        let mut thread = EngineThread::start(task(ran.clone()), report).expect("starts");
        let first = runs.recv_timeout(LONG).expect("the first task ran");
        thread.restart(task(ran), report).expect("restarts");
        let second = runs.recv_timeout(LONG).expect("the second task ran");
        assert_eq!(first, second);
        assert!(thread.end_within(LONG));
    }

    #[test]
    fn panic_is_reported_and_the_next_task_gets_a_new_thread() {
        capture_panics();
        let (panicked, panics) = channel();
        let report = move |message| panicked.send(message).expect("it is read");
        let task = async |_: StopSignal| panic!("on purpose");
        let mut thread = EngineThread::start(task, report).expect("starts");
        let message = panics.recv_timeout(LONG).expect("it panicked");
        assert!(message.contains("on purpose"), "{message}");
        let (ran, runs) = channel();
        let task = async move |_: StopSignal| ran.send(()).expect("it is read");
        thread.restart(task, |_| {}).expect("restarts");
        runs.recv_timeout(LONG).expect("the task ran");
        thread.join();
    }

    #[test]
    fn panic_of_work_on_a_thread_is_an_error() {
        let done: Result<(), ThreadError> = run_on_thread(|| panic!("on purpose"));
        assert!(matches!(done, Err(ThreadError::Ended)));
    }
}
