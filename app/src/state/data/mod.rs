//! Parts of the page's state.

mod draw_pace;
mod frame_queue;
mod lab;
mod lab_waits;
mod server_form;
pub mod storage;
mod turn;

use llamaglass_lab::bench::{BenchReport, Progress};

pub use frame_queue::{FrameQueue, NextDraw};
pub use lab::{Lab, RunOutcome, Running, SavedRun, SavedRuns};
pub use lab_waits::{LabEvent, LabWaits};
pub use server_form::{Connection, OwnServer, ServerForm};
pub use turn::{Turn, TurnState};

/// State of the benchmark.
#[derive(Clone, Debug, Default)]
pub enum Bench {
    /// Not run yet.
    #[default]
    Idle,
    /// Running, with its progress.
    Running(Progress),
    /// Finished with a report.
    Done(Box<BenchReport>),
    /// Failed, for this reason.
    Failed(String),
}
