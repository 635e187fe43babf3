//! Sampling modes of the device.

/// Sampling mode of a step on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SamplingMode {
    /// Take the largest logit.
    Argmax,
    /// Sample with the sequence's settings.
    Sample,
}
