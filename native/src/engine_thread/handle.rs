//! The asker's end of an engine: requests in, answers out.

use llamaglass_lab::StubLevel;
use llamaglass_runner::decorators::set_stub;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};

use anyhow::Result;
use llamaglass_engine::event::{Event, RequestId};
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::{Engine, Preparer};

use super::answer::{self, Answer, Place};
use super::gauges::Gauges;
use super::{Command, died};

/// Handle to an engine on its thread; cheap to clone and to send.
#[derive(Clone, Debug)]
pub struct EngineHandle {
    pub(super) commands: Sender<Command>,
    pub(super) next_id: Arc<AtomicU64>,
    pub(super) gauges: Arc<Gauges>,
    /// Number of the current [`StubLevel`].
    pub(super) stub: Arc<AtomicU8>,
    pub(super) is_alive: Arc<AtomicBool>,
    pub(super) preparer: Preparer,
    pub(super) context_length: usize,
}

/// Reason why a request was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The maximum number of requests is open.
    #[error("{open} requests are open, which is as many as may be")]
    Full {
        /// Number of open requests.
        open: usize,
    },
    /// The engine's thread has ended.
    #[error("the engine's thread ended unexpectedly")]
    Died,
}

impl EngineHandle {
    /// Prepares a request's prompt and format on this thread, and queues the request without waiting for a step.
    ///
    /// # Errors
    /// Fails if the engine's thread has ended.
    pub fn submit(&self, request: Request) -> Result<Answer> {
        if let Some(answer) = self.answer_at_entry(&request) {
            return Ok(answer);
        }
        let place = self.reserve(usize::MAX)?;
        Ok(self.submit_at(place, request)?)
    }

    /// Makes up the answer if the stub level is `Entry`, which ends the path of requests here.
    pub fn answer_at_entry(&self, request: &Request) -> Option<Answer> {
        (self.stub() == StubLevel::Entry).then(|| Answer::made_up(request, self.context_length))
    }

    /// Reserves a permit for an answer if fewer than `most` answers are open. An answer is open until it is
    /// dropped.
    ///
    /// # Errors
    /// [`SubmitError::Full`] if `most` answers are open.
    pub fn reserve(&self, most: usize) -> Result<Place, SubmitError> {
        Place::take(&self.gauges, most)
    }

    /// Queues a request as [`EngineHandle::submit`] does, with a permit that was reserved for it.
    ///
    /// # Errors
    /// [`SubmitError::Died`] if the engine's thread has ended.
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
                    // This function still owns the receiving end, so the send succeeds.
                    let _told = listener.send(failed);
                    return Ok(answer);
                }
            },
        };
        self.commands.send(command).map_err(|_| SubmitError::Died)?;
        Ok(answer)
    }

    /// Returns the stub level, at which the path of requests ends.
    pub fn stub(&self) -> StubLevel {
        // Only valid level numbers are stored.
        StubLevel::try_from(self.stub.load(Ordering::Relaxed)).unwrap_or_default()
    }

    /// Ends the path of requests at `level` from now on. No request may be open.
    ///
    /// # Errors
    /// Fails if the engine's weights don't allow the level, or if its thread has ended.
    pub fn set_stub(&self, level: StubLevel) -> Result<()> {
        let current = self.stub();
        self.with(move |engine| set_stub(engine, current, level))??;
        self.stub.store(level.number(), Ordering::Relaxed);
        Ok(())
    }

    /// Runs `work` with the engine on its thread, after the current step, and waits for its result.
    ///
    /// # Errors
    /// Fails if the engine's thread has ended.
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

    /// Runs `work` as [`EngineHandle::with`] does, but does not wait for it.
    ///
    /// # Errors
    /// Fails if the engine's thread has ended.
    pub fn later(&self, work: impl FnOnce(&mut Engine) + Send + 'static) -> Result<()> {
        self.send(Command::With(Box::new(work)))
    }

    /// Returns true until the engine's thread has ended, by itself or by a panic.
    pub fn is_alive(&self) -> bool {
        self.is_alive.load(Ordering::Acquire)
    }

    /// Returns the engine's load.
    pub fn gauges(&self) -> &Gauges {
        &self.gauges
    }

    /// Aborts a request, which then ends within one step.
    ///
    /// # Errors
    /// Fails if the engine's thread has ended.
    pub fn abort(&self, request: RequestId) -> Result<()> {
        self.send(Command::Abort(request))
    }

    /// Forgets all cached prefixes in the KV cache.
    ///
    /// # Errors
    /// Fails if the engine's thread has ended.
    pub fn clear_cache(&self) -> Result<()> {
        self.send(Command::ClearCache)
    }

    fn send(&self, command: Command) -> Result<()> {
        self.commands.send(command).map_err(|_| died())
    }
}
