//! Why a reference can't be run at all.

use thiserror::Error;

/// What is wrong with a reference folder.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ParityError {
    /// A file is not in the format.
    #[error("{file}: not a reference file: {message}")]
    Malformed {
        /// The file's path within the folder.
        file: String,
        /// What was expected, and where.
        message: String,
    },
    /// There is nothing to compare with.
    #[error("the reference folder holds no case to run ({looked_for})")]
    NoCases {
        /// What was looked for.
        looked_for: String,
    },
}
