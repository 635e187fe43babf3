//! Requests and the scheduler, which decides what each step computes. Pure: it never touches a device.

mod blocks;
mod length;
mod running;
mod schedule;
mod step;

#[cfg(test)]
mod tests;

pub use blocks::{BlockCopy, BlockId, BlockPool, Held, NULL_BLOCK};
pub use length::{LengthError, answer_budget};
pub use llamaglass_types::{
    Input, OutputFormat, Policy, Request, RequestId, SamplingOptions, SettingError,
};
pub use schedule::{Asked, Limits, Scheduler};
pub use step::{Admitted, Lack, Part, Step, TableEntry};
