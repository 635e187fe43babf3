//! Logits to the next token's id.

mod error;
mod host;
mod random;

pub use crate::scheduler::{SamplingOptions, SettingError};
pub use error::SamplingError;
pub use host::{HostSampler, Occurrences};
