//! Errors in writing a report.

use thiserror::Error;

/// Reason why there is no report.
#[derive(Debug, Error)]
pub enum ReportError {
    /// A plot cannot be drawn.
    #[error("drawing {title:?}: {reason}")]
    Drawing {
        /// Title of the plot.
        title: String,
        /// Error message of plotters.
        reason: String,
    },
}
