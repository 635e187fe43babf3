//! Requests and the scheduler, which decides what each step computes. Pure: it never touches a device.

mod blocks;
mod length;
mod queue;
mod request;
mod sampling_options;
mod schedule;
mod sequence;
mod step;

#[cfg(test)]
mod tests;

pub use blocks::{BlockCopy, BlockId, BlockPool, BlockTable, NULL_BLOCK};
pub use length::{LengthError, answer_budget};
pub use queue::QueuedRequest;
pub use request::{Input, OutputFormat, Request, RequestId};
pub use sampling_options::{SamplingOptions, SettingError};
pub use schedule::{Limits, Policy, Scheduler};
pub use step::{Admission, Lack, ScheduledChunk, Step, TableEntry};
