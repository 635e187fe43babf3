//! One request's events on their way from the engine's thread to the asker.

use llamaglass_lab::stub_answer;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use llamaglass_engine::event::{Event, Fault, RequestId};
use llamaglass_engine::scheduler::Request;

use super::SubmitError;
use super::gauges::Gauges;

/// Maximum bytes of events that all askers together may leave unread.
const MAX_UNREAD: usize = 256 << 20;

/// The events of one request as they come: a stream for a server, blocking for a terminal.
#[derive(Debug)]
pub struct Answer {
    /// Id of the request.
    pub id: RequestId,
    events: UnboundedReceiver<Event>,
    unread: Arc<Unread>,
    _place: Option<Place>,
}

impl Answer {
    /// Makes up an answer of at most `most` tokens without an engine.
    pub fn made_up(request: &Request, most: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = RequestId(NEXT.fetch_add(1, Ordering::Relaxed));
        let (mut listener, answer) = open(id, &Arc::default(), None);
        listener.make_up(id, request, most);
        answer
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

/// The engine thread's end of an answer.
#[derive(Debug)]
pub(super) struct Listener {
    events: UnboundedSender<Event>,
    unread: Arc<Unread>,
}

/// Reason why the engine stops working on an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// The asker has dropped the answer.
    Left,
    /// The asker reads too slowly; it has been sent an error.
    Unread,
}

/// Creates both ends of an answer.
pub(super) fn open(
    id: RequestId,
    gauges: &Arc<Gauges>,
    place: Option<Place>,
) -> (Listener, Answer) {
    let (sender, events) = unbounded();
    let unread = Arc::new(Unread {
        own: AtomicUsize::new(0),
        gauges: Arc::clone(gauges),
    });
    let listener = Listener {
        events: sender,
        unread: Arc::clone(&unread),
    };
    let answer = Answer {
        id,
        events,
        unread,
        _place: place,
    };
    (listener, answer)
}

impl Listener {
    /// Sends an event to the asker.
    ///
    /// # Errors
    /// [`Lost`] if nobody reads the answer any more.
    pub(super) fn send(&mut self, event: Event) -> Result<(), Lost> {
        let bytes = event.size_bytes();
        if self.unread.is_too_much(bytes) {
            let refusal = Event::Failed {
                request: event.request(),
                error: "the answer is not read: too much of it waits already".into(),
                fault: Fault::Request,
            };
            // The asker may have left as well.
            let _left = self.events.unbounded_send(refusal);
            return Err(Lost::Unread);
        }
        self.unread.add(bytes);
        self.events.unbounded_send(event).map_err(|_| Lost::Left)
    }

    /// Sends a made-up answer of at most `most` tokens.
    pub(super) fn make_up(&mut self, id: RequestId, request: &Request, most: usize) {
        for event in stub_answer(id, request, most) {
            if self.send(event).is_err() {
                return;
            }
        }
    }
}

/// Bytes of an answer that its asker has not read yet.
#[derive(Debug)]
struct Unread {
    own: AtomicUsize,
    gauges: Arc<Gauges>,
}

impl Unread {
    /// Returns true if `bytes` more would exceed the limit of all answers, and this answer has more than its share.
    /// Askers that do read are not cut off because of those that don't.
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
        // The `Failed` event of a refused listener was never added.
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

/// A permit for one open answer.
#[derive(Debug)]
pub struct Place(Arc<Gauges>);

impl Place {
    /// Takes one of at most `most` permits.
    pub(super) fn take(gauges: &Arc<Gauges>, most: usize) -> Result<Self, SubmitError> {
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
    fn unread_answer_is_cut_off_while_others_continue() {
        let gauges = Arc::new(Gauges::default());
        let place = || Place::take(&gauges, 2).expect("there is room");
        let (mut lazy, _unread) = open(RequestId(0), &gauges, Some(place()));
        let (mut reader, mut answer) = open(RequestId(1), &gauges, Some(place()));
        let megabyte = 1 << 20;
        let sent = (0..MAX_UNREAD / megabyte + 1)
            .map_while(|_| lazy.send(failed(RequestId(0), megabyte)).ok())
            .count();
        assert_eq!(sent, MAX_UNREAD / megabyte - 1);
        reader
            .send(failed(RequestId(1), megabyte))
            .expect("the reader has read everything so far");
        answer.next_blocking().expect("it was sent");
        assert_eq!(lazy.send(failed(RequestId(0), megabyte)), Err(Lost::Unread));
    }

    #[test]
    fn unread_bytes_are_released_when_answer_is_dropped() {
        let gauges = Arc::new(Gauges::default());
        let (mut listener, mut answer) = open(RequestId(0), &gauges, None);
        for _ in 0..3 {
            listener
                .send(failed(RequestId(0), 1000))
                .expect("it is read");
        }
        answer.next_blocking().expect("it was sent");
        let unread = gauges.unread.load(Ordering::Relaxed);
        assert!((2000..3000).contains(&unread), "{unread}");
        drop(answer);
        drop(listener);
        assert_eq!(gauges.unread.load(Ordering::Relaxed), 0);
    }
}
