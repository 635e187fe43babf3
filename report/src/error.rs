//! What goes wrong while a report is written.

use thiserror::Error;

/// Why there is no report.
#[derive(Debug, Error)]
pub enum ReportError {
    /// A plot can't be drawn.
    #[error("drawing {title:?}: {reason}")]
    Drawing {
        /// What it was to show.
        title: String,
        /// What plotters says.
        reason: String,
    },
}
