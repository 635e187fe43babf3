//! Requests and the scheduler, which decides what each step computes. Pure: it never touches a device.

mod blocks;
mod length;
mod request;
mod running;
mod sampling_options;
mod schedule;
mod step;

#[cfg(test)]
mod tests;

pub use blocks::{BlockCopy, BlockId, BlockPool, Held, NULL_BLOCK};
pub use length::{LengthError, answer_budget};
pub use request::{Input, OutputFormat, Request, RequestId};
pub use sampling_options::{SamplingOptions, SettingError};
pub use schedule::{Asked, Limits, Policy, Scheduler};
pub use step::{Admitted, Lack, Part, Step, TableEntry};
