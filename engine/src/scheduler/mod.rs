//! Requests and the scheduler, which decides what each step computes. Pure: it never touches a device.

mod blocks;
mod length;
mod queue;
mod schedule;
mod sequence;
mod step;

#[cfg(test)]
mod tests;

pub use blocks::{BlockCopy, BlockId, BlockPool, BlockTable, NULL_BLOCK};
pub use length::{LengthError, answer_budget};
pub use llamaglass_types::{
    Input, OutputFormat, Policy, Request, RequestId, SamplingOptions, SettingError,
};
pub use queue::QueuedRequest;
pub use schedule::{Limits, Scheduler};
pub use step::{Admission, ScheduledChunk, Step, TableEntry};
