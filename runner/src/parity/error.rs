//! Errors that prevent a reference from being run at all.

use thiserror::Error;

/// Error in a reference folder.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ParityError {
    /// A file is malformed.
    #[error("{file}: not a reference file: {message}")]
    Malformed {
        /// Path of the file within the folder.
        file: String,
        /// Parser's message: what was expected, and where.
        message: String,
    },
    /// The folder has no case to run.
    #[error("the reference folder holds no case to run ({looked_for})")]
    NoCases {
        /// Files that were looked for.
        looked_for: String,
    },
}
