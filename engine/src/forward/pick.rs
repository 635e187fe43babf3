//! How the device picks an id.

/// How the device picks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PickWay {
    /// The largest logit.
    Argmax,
    /// As [`Model::begin`](super::Model::begin) said.
    Sample,
}
