//! How far a benchmark is.

use serde::{Deserialize, Serialize};

/// How far a benchmark is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What is being measured, for people.
    pub what: String,
    /// Tokens picked.
    pub done: usize,
    /// Of how many.
    pub total: usize,
}
