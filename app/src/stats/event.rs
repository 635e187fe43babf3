//! An event of an answer as the page receives it.

use llamaglass_types::event::Event;

use crate::protocol::OpaqueEvent;

/// Event of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum ReceivedEvent {
    /// From an engine, or from a server that reports its steps.
    Event(Box<Event>),
    /// From a server that does not report its steps.
    Opaque(OpaqueEvent),
}

impl ReceivedEvent {
    /// Returns whether this is the answer's last event.
    pub const fn is_last(&self) -> bool {
        match self {
            Self::Event(event) => event.is_last(),
            Self::Opaque(event) => matches!(event, OpaqueEvent::Done { .. }),
        }
    }
}
