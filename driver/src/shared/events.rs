//! One request's events on their way from the engine's thread to its caller.

use llamaglass_lab::stub_answer;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use llamaglass_engine::event::{Event, Fault, RequestId};
use llamaglass_engine::scheduler::Request;

use super::gauges::Gauges;

/// Maximum bytes of events that all callers together may leave unread.
const MAX_UNREAD: usize = 256 << 20;

/// The events of one request as they come: a stream for a server, blocking for a terminal.
#[derive(Debug)]
pub struct EventStream {
    /// Id of the request.
    pub id: RequestId,
    events: UnboundedReceiver<Event>,
    unread: Arc<Unread>,
    _permit: Option<Permit>,
}

impl EventStream {
    /// Returns a stub response of at most `max_tokens` tokens, without an engine.
    pub fn stub(request: &Request, max_tokens: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = RequestId(NEXT.fetch_add(1, Ordering::Relaxed));
        let (mut events, response) = open(id, &Arc::default(), None);
        events.send_stub(id, request, max_tokens);
        response
    }

    /// Returns the next event; `None` after the last, which is `Done` or `Failed` unless the engine's
    /// thread died.
    pub async fn next(&mut self) -> Option<Event> {
        let event = self.events.next().await?;
        self.unread.subtract(event.size_bytes());
        Some(event)
    }

    /// Waits for the next event; `None` after the last.
    pub fn next_blocking(&mut self) -> Option<Event> {
        pollster::block_on(self.next())
    }
}

/// The engine thread's end of a response.
#[derive(Debug)]
pub(super) struct EventSender {
    events: UnboundedSender<Event>,
    unread: Arc<Unread>,
}

/// Reason why an event could not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SendError {
    /// The caller has dropped the response.
    Closed,
    /// The caller reads too slowly; it was sent an error.
    Unread,
}

/// Creates both ends of a response.
pub(super) fn open(
    id: RequestId,
    gauges: &Arc<Gauges>,
    permit: Option<Permit>,
) -> (EventSender, EventStream) {
    let (sender, events) = unbounded();
    let unread = Arc::new(Unread {
        own: AtomicUsize::new(0),
        gauges: Arc::clone(gauges),
    });
    let sender = EventSender {
        events: sender,
        unread: Arc::clone(&unread),
    };
    let response = EventStream {
        id,
        events,
        unread,
        _permit: permit,
    };
    (sender, response)
}

impl EventSender {
    /// Sends an event to the caller.
    ///
    /// # Errors
    /// [`SendError`] if nobody reads the response any more.
    pub(super) fn send(&mut self, event: Event) -> Result<(), SendError> {
        let bytes = event.size_bytes();
        if self.unread.is_too_much(bytes) {
            let refusal = Event::Failed {
                request: event.request(),
                error: "the answer is not read: too much of it waits already".into(),
                fault: Fault::Request,
            };
            // The caller may have dropped the response as well.
            let _closed = self.events.unbounded_send(refusal);
            return Err(SendError::Unread);
        }
        self.unread.add(bytes);
        self.events
            .unbounded_send(event)
            .map_err(|_| SendError::Closed)
    }

    /// Sends a stub response of at most `max_tokens` tokens.
    pub(super) fn send_stub(&mut self, id: RequestId, request: &Request, max_tokens: usize) {
        for event in stub_answer(id, request, max_tokens) {
            if self.send(event).is_err() {
                return;
            }
        }
    }
}

/// Bytes of a response that its caller has not read yet.
#[derive(Debug)]
struct Unread {
    own: AtomicUsize,
    gauges: Arc<Gauges>,
}

impl Unread {
    /// Returns true if `bytes` more would exceed the limit of all responses, and this response has more than its
    /// share. Callers that do read are not cut off because of those that don't.
    fn is_too_much(&self, bytes: usize) -> bool {
        let all = self.gauges.unread.load(Ordering::Relaxed) + bytes;
        let own = self.own.load(Ordering::Relaxed) + bytes;
        let open = self.gauges.open.load(Ordering::Relaxed).max(1);
        all > MAX_UNREAD && own > MAX_UNREAD / open
    }

    fn add(&self, bytes: usize) {
        self.own.fetch_add(bytes, Ordering::Relaxed);
        self.gauges.unread.fetch_add(bytes, Ordering::Relaxed);
    }

    fn subtract(&self, bytes: usize) {
        // The `Failed` event after too much unread was never added.
        let less = |own: usize| Some(own.saturating_sub(bytes));
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        let before = self.own.fetch_update(set, fetch, less).unwrap_or(0);
        let removed = before.min(bytes);
        self.gauges.unread.fetch_sub(removed, Ordering::Relaxed);
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let own = *self.own.get_mut();
        self.gauges.unread.fetch_sub(own, Ordering::Relaxed);
    }
}

/// A permit for one open response.
#[derive(Debug)]
pub struct Permit(Arc<Gauges>);

impl Permit {
    /// Takes one of at most `max` permits.
    ///
    /// # Errors
    /// Returns the number of permits that are taken if none is left.
    pub(super) fn take(gauges: &Arc<Gauges>, max: usize) -> Result<Self, usize> {
        let more = |open| (open < max).then_some(open + 1);
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        let taken = gauges.open.fetch_update(set, fetch, more);
        taken.map(|_| Self(Arc::clone(gauges)))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(id: RequestId, bytes: usize) -> Event {
        Event::Failed {
            request: id,
            error: "x".repeat(bytes),
            fault: Fault::Engine,
        }
    }

    #[test]
    fn unread_response_is_cut_off_while_others_continue() {
        let gauges = Arc::new(Gauges::default());
        let permit = || Permit::take(&gauges, 2).expect("one is left");
        let (mut lazy, _unread) = open(RequestId(0), &gauges, Some(permit()));
        let (mut reader, mut response) = open(RequestId(1), &gauges, Some(permit()));
        let megabyte = 1 << 20;
        let sent = (0..MAX_UNREAD / megabyte + 1)
            .map_while(|_| lazy.send(failed(RequestId(0), megabyte)).ok())
            .count();
        assert_eq!(sent, MAX_UNREAD / megabyte - 1);
        reader
            .send(failed(RequestId(1), megabyte))
            .expect("everything was read so far");
        response.next_blocking().expect("it was sent");
        assert_eq!(
            lazy.send(failed(RequestId(0), megabyte)),
            Err(SendError::Unread)
        );
    }

    #[test]
    fn unread_bytes_are_released_when_response_is_dropped() {
        let gauges = Arc::new(Gauges::default());
        let (mut sender, mut response) = open(RequestId(0), &gauges, None);
        for _ in 0..3 {
            sender.send(failed(RequestId(0), 1000)).expect("it is read");
        }
        response.next_blocking().expect("it was sent");
        let unread = gauges.unread.load(Ordering::Relaxed);
        assert!((2000..3000).contains(&unread), "{unread}");
        drop(response);
        drop(sender);
        assert_eq!(gauges.unread.load(Ordering::Relaxed), 0);
    }
}
