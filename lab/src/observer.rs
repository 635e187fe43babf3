//! Progress reports of a running experiment, and a way to stop it.

use std::future::Future;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Experiment;
use llamaglass_types::stats::Record;

/// Progress of an experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Progress {
    /// Description of the current measurement, for users.
    pub what: String,
    /// Number of finished measurements.
    pub done: usize,
    /// Total number of measurements.
    pub total: usize,
    /// Latest measured point, for a live plot.
    pub point: Option<Point>,
}

/// A measured point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Point {
    /// Name of the series that the point belongs to.
    pub series: String,
    /// Position on the x axis.
    pub x: f64,
    /// Value in milliseconds.
    pub y: f64,
}

/// Observer of a running experiment.
pub trait Observer {
    /// Receives progress.
    fn notify(&mut self, progress: Progress);

    /// Yields to other tasks. Returns whether to continue.
    fn yield_now(&mut self) -> impl Future<Output = bool>;

    /// Sleeps for `ms` milliseconds, or less if the experiment is to stop.
    fn sleep(&mut self, ms: f64) -> impl Future<Output = ()>;

    /// Receives the record of a finished request.
    fn record(&mut self, _record: &Record) {}
}

/// Observer that shows nothing and never stops an experiment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn notify(&mut self, _progress: Progress) {}

    fn yield_now(&mut self) -> impl Future<Output = bool> {
        std::future::ready(true)
    }

    /// Does not sleep, so that a load keeps stepping its engine until its next request is due.
    fn sleep(&mut self, _ms: f64) -> impl Future<Output = ()> {
        std::future::ready(())
    }
}

/// Reason why an experiment has no result.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LabError {
    /// The user stopped it.
    #[error("the experiment was stopped")]
    Stopped,
    /// The engine failed, or its answer does not match the request.
    #[error("{what}: {error}")]
    Failed {
        /// Description of the failed operation.
        what: String,
        /// Error message.
        error: String,
    },
    /// A row of the dataset cannot be used.
    #[error("row {row} of the dataset: {error}")]
    Row {
        /// Number of the row, from 1.
        row: usize,
        /// Error message.
        error: String,
    },
    /// The experiment cannot be measured here.
    #[error("{experiment} can't be measured here: {why}")]
    NotHere {
        /// The experiment.
        experiment: Experiment,
        /// Reason.
        why: String,
    },
    /// A setting is invalid.
    #[error("{0}")]
    Setting(String),
}

impl LabError {
    /// Creates an error for a failure during `what`.
    pub fn failed(what: &str, error: impl ToString) -> Self {
        Self::Failed {
            what: what.to_owned(),
            error: error.to_string(),
        }
    }
}
