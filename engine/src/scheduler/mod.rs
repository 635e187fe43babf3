//! Requests and what runs next; pure, no device in sight.

mod plan;
mod request;
mod sampling_options;

pub use plan::{LengthError, Plan, Progress, answer_budget, plan, reusable_prefix};
pub use request::{Input, Request};
pub use sampling_options::{SamplingOptions, SettingError};
