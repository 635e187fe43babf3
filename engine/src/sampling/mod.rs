//! Logits to the next token's id.

mod options;

pub use options::{SamplingError, SamplingOptions};
