//! Parts of the page's state.

mod bench;
mod draw_pace;
mod frame_queue;
mod lab;
mod lab_waits;
mod server_form;
pub mod storage;
mod turn;

pub use bench::Bench;
pub use frame_queue::{FrameQueue, NextDraw};
pub use lab::{Lab, RunOutcome, Running, SavedRun, SavedRuns};
pub use lab_waits::{LabEvent, LabWaits};
pub use server_form::{Connection, OwnServer, ServerForm};
pub use turn::{Turn, TurnState};
