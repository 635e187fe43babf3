//! A caller's end of an engine: requests in, responses out.

use llamaglass_lab::StubLevel;
use llamaglass_runner::decorators::set_stub;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::channel;

use futures::channel::mpsc::UnboundedSender;
use llamaglass_engine::event::{Event, RequestId};
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::{Engine, Preparer};
use thiserror::Error;

use super::Command;
use super::events::{self, EventStream, Permit};
use super::gauges::Gauges;
use crate::thread::ThreadError;

/// Handle to an engine on its thread; cheap to clone and to send.
#[derive(Clone, Debug)]
pub struct EngineHandle {
    pub(super) commands: UnboundedSender<Command>,
    pub(super) next_id: Arc<AtomicU64>,
    pub(super) gauges: Arc<Gauges>,
    /// Number of the current [`StubLevel`].
    pub(super) stub: Arc<AtomicU8>,
    pub(super) is_alive: Arc<AtomicBool>,
    pub(super) preparer: Preparer,
    pub(super) context_length: usize,
}

/// Reason why a request was not accepted.
#[derive(Debug, Error)]
pub enum SubmitError {
    /// The maximum number of requests is open.
    #[error("{open} requests are open, which is as many as may be")]
    Full {
        /// Number of open requests.
        open: usize,
    },
    /// The engine's thread has ended.
    #[error("the engine's thread ended unexpectedly")]
    Ended,
}

impl EngineHandle {
    /// Prepares a request's prompt and format on this thread, and queues the request without waiting for a step.
    ///
    /// # Errors
    /// Fails if the engine's thread has ended.
    pub fn submit(&self, request: Request) -> Result<EventStream, SubmitError> {
        if let Some(response) = self.respond_at_entry(&request) {
            return Ok(response);
        }
        let permit = self.reserve(usize::MAX)?;
        self.submit_with(permit, request)
    }

    /// Returns a stub response if the stub level is `Entry`, which ends the path of requests here.
    pub fn respond_at_entry(&self, request: &Request) -> Option<EventStream> {
        (self.stub() == StubLevel::Entry).then(|| EventStream::stub(request, self.context_length))
    }

    /// Reserves a permit for a response if fewer than `max` responses are open. A response is open until it is
    /// dropped.
    ///
    /// # Errors
    /// [`SubmitError::Full`] if `max` responses are open.
    pub fn reserve(&self, max: usize) -> Result<Permit, SubmitError> {
        Permit::take(&self.gauges, max).map_err(|open| SubmitError::Full { open })
    }

    /// Queues a request as [`EngineHandle::submit`] does, with a permit that was reserved for it.
    ///
    /// # Errors
    /// [`SubmitError::Ended`] if the engine's thread has ended.
    pub fn submit_with(
        &self,
        permit: Permit,
        request: Request,
    ) -> Result<EventStream, SubmitError> {
        let id = RequestId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let (mut sender, response) = events::open(id, &self.gauges, Some(permit));
        let command = match self.stub() {
            StubLevel::Transfer => {
                sender.send_stub(id, &request, self.context_length);
                return Ok(response);
            }
            StubLevel::Message => Command::Stub(id, Box::new(request), sender),
            _ => match self.preparer.prepare(request) {
                Ok(prepared) => Command::Submit(id, Box::new(prepared), sender),
                Err(error) => {
                    let failed = Event::Failed {
                        request: id,
                        fault: error.fault(),
                        error: error.to_string(),
                    };
                    // This function still owns the receiving end, so the send succeeds.
                    let _sent = sender.send(failed);
                    return Ok(response);
                }
            },
        };
        self.send(command).map_err(|_| SubmitError::Ended)?;
        Ok(response)
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
    pub fn set_stub(&self, level: StubLevel) -> Result<(), ThreadError> {
        let current = self.stub();
        self.with(move |engine| set_stub(engine, current, level))??;
        self.stub.store(level.number(), Ordering::Relaxed);
        Ok(())
    }

    /// Runs `work` with the engine on its thread, after the current step, and waits for its result.
    ///
    /// # Errors
    /// [`ThreadError::Ended`] if the engine's thread has ended.
    pub fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Engine) -> T + Send + 'static,
    ) -> Result<T, ThreadError> {
        let (done, wait) = channel();
        self.with_later(move |engine| {
            let _nobody_waits = done.send(work(engine));
        })?;
        wait.recv().map_err(|_| ThreadError::Ended)
    }

    /// Runs `work` as [`EngineHandle::with`] does, but does not wait for it.
    ///
    /// # Errors
    /// [`ThreadError::Ended`] if the engine's thread has ended.
    pub fn with_later(
        &self,
        work: impl FnOnce(&mut Engine) + Send + 'static,
    ) -> Result<(), ThreadError> {
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
    /// [`ThreadError::Ended`] if the engine's thread has ended.
    pub fn abort(&self, request: RequestId) -> Result<(), ThreadError> {
        self.send(Command::Abort(request))
    }

    /// Clears the prefix cache.
    ///
    /// # Errors
    /// [`ThreadError::Ended`] if the engine's thread has ended.
    pub fn clear_cache(&self) -> Result<(), ThreadError> {
        self.send(Command::ClearCache)
    }

    fn send(&self, command: Command) -> Result<(), ThreadError> {
        let sent = self.commands.unbounded_send(command);
        sent.map_err(|_| ThreadError::Ended)
    }
}
