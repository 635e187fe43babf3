//! Logits to the next token's id.

mod host;
mod options;
mod random;

pub use host::{HostSampler, Occurrences};
pub use options::{SamplingError, SamplingOptions};
