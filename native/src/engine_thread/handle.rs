//! The asker's side of an engine: requests in, answers out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};

use anyhow::Result;
use llamaglass_engine::event::{Event, RequestId};
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::{Engine, Preparer, StubLevel};

use super::answer::{self, Answer, Place};
use super::gauges::Gauges;
use super::{Command, died};

/// The way to talk to an engine; cheap to clone and to send.
#[derive(Clone, Debug)]
pub struct EngineHandle {
    pub(super) commands: Sender<Command>,
    pub(super) next_id: Arc<AtomicU64>,
    pub(super) gauges: Arc<Gauges>,
    /// A level's number.
    pub(super) stub: Arc<AtomicU8>,
    pub(super) is_alive: Arc<AtomicBool>,
    pub(super) preparer: Preparer,
    pub(super) context_length: usize,
}

/// Reasons for which a request was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// As many are open as may be.
    #[error("{open} requests are open, which is as many as may be")]
    Full {
        /// Requests that are open.
        open: usize,
    },
    /// The engine's thread ended.
    #[error("the engine's thread ended unexpectedly")]
    Died,
}

impl EngineHandle {
    /// Puts a request in the queue, after its prompt and its format were made ready on this thread. Waits for
    /// no step.
    ///
    /// # Errors
    /// Where the engine's thread is gone.
    pub fn submit(&self, request: Request) -> Result<Answer> {
        if let Some(answer) = self.answer_at_entry(&request) {
            return Ok(answer);
        }
        let place = self.reserve(usize::MAX)?;
        Ok(self.submit_at(place, request)?)
    }

    /// Makes up the answer where the path of requests is followed no further than to here.
    pub fn answer_at_entry(&self, request: &Request) -> Option<Answer> {
        (self.stub() == StubLevel::Entry).then(|| Answer::made_up(request, self.context_length))
    }

    /// Takes a place for an answer, where fewer than `most` answers are open. An answer is open until it is
    /// dropped.
    ///
    /// # Errors
    /// [`SubmitError::Full`].
    pub fn reserve(&self, most: usize) -> Result<Place, SubmitError> {
        Place::take(&self.gauges, most)
    }

    /// Puts a request in the queue as [`EngineHandle::submit`] does, at a place that was reserved for it.
    ///
    /// # Errors
    /// [`SubmitError::Died`].
    pub fn submit_at(&self, place: Place, request: Request) -> Result<Answer, SubmitError> {
        let id = RequestId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let (mut listener, answer) = answer::open(id, &self.gauges, Some(place));
        let command = match self.stub() {
            StubLevel::Transfer => {
                listener.make_up(id, &request, self.context_length);
                return Ok(answer);
            }
            StubLevel::Message => Command::MakeUp(id, Box::new(request), listener),
            _ => match self.preparer.prepare(request) {
                Ok(prepared) => Command::Submit(id, Box::new(prepared), listener),
                Err(error) => {
                    let failed = Event::Failed {
                        request: id,
                        fault: error.fault(),
                        error: error.to_string(),
                    };
                    // The answer is in this function's hands: it is there to hear it.
                    let _told = listener.send(failed);
                    return Ok(answer);
                }
            },
        };
        self.commands.send(command).map_err(|_| SubmitError::Died)?;
        Ok(answer)
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

    /// Returns true until the engine's thread has ended, by itself or by a panic.
    pub fn is_alive(&self) -> bool {
        self.is_alive.load(Ordering::Acquire)
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
