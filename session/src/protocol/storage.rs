//! Messages about stored downloads.

use serde::{Deserialize, Serialize};

/// A command that concerns stored downloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageCommand {
    /// Report the size of all stored downloads.
    Measure,
    /// Delete all stored downloads.
    Clear,
}

/// A reply that concerns stored downloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageReply {
    /// Size of all stored downloads.
    Size {
        /// Bytes; `None` if the browser cannot store any.
        bytes: Option<u64>,
    },
}
