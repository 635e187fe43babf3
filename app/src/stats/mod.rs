//! Folds events into statistics. Pure, so that every figure on the page can be tested without a browser.
//!
//! Two clocks meet here and are never mixed: spans and wall times of steps are on the engine's clock; the time to
//! the first token, the time between tokens and the paint time are on the page's clock (`now_ms`). A server that
//! does not report its steps has only the latter.

mod answer;
mod bar;
mod event;
mod segment;
mod session;
mod summary;

pub use answer::{AnswerStats, Outcome};
pub use bar::{Bar, PieceRecord, StepRecord, TokenRecord};
pub use event::ReceivedEvent;
pub use segment::Segment;
pub use session::SessionStats;
pub use summary::{ServerFigures, Summary};

#[cfg(test)]
mod tests;
