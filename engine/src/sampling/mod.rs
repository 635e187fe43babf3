//! Sampling: from logits to the next token's id.

mod error;
mod host;

pub use crate::scheduler::{SamplingOptions, SettingError};
pub use error::SamplingError;
pub use host::{HostSampler, Occurrences, sampling};
pub use llamaglass_shaders::Sampling;
