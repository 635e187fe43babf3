//! Who looks on while an experiment goes on, and can stop it.

use std::future::Future;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Experiment;
use llamaglass_engine::stats::Record;

/// How far an experiment is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Progress {
    /// What is being measured, for people.
    pub what: String,
    /// Pieces that are done.
    pub done: usize,
    /// Of how many.
    pub total: usize,
    /// What was measured last, for a plot that grows.
    pub point: Option<Point>,
}

/// A measured point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Point {
    /// What it belongs to.
    pub series: String,
    /// Where it is.
    pub x: f64,
    /// Its value, in milliseconds.
    pub y: f64,
}

/// Who looks on.
pub trait Watch {
    /// Hears how far it is.
    fn told(&mut self, progress: Progress);

    /// Lets others have their turn. Whether to go on.
    fn breathe(&mut self) -> impl Future<Output = bool>;

    /// Waits `ms` milliseconds, or less where it is to stop.
    fn sleep(&mut self, ms: f64) -> impl Future<Output = ()>;

    /// Hears of a request that an engine has answered.
    fn answered(&mut self, _record: &Record) {}
}

/// Why an experiment gives no result.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LabError {
    /// Somebody stopped it.
    #[error("the experiment was stopped")]
    Stopped,
    /// What was answered is not what was asked for, or the engine failed.
    #[error("{what}: {error}")]
    Failed {
        /// What was being done.
        what: String,
        /// What went wrong.
        error: String,
    },
    /// A row of the dataset can't be used.
    #[error("row {row} of the dataset: {error}")]
    Row {
        /// Which, from 1 on.
        row: usize,
        /// Why.
        error: String,
    },
    /// It can't be measured here.
    #[error("{experiment} can't be measured here: {why}")]
    NotHere {
        /// Which.
        experiment: Experiment,
        /// Why.
        why: String,
    },
    /// What was asked for makes no sense.
    #[error("{0}")]
    Setting(String),
}

impl LabError {
    /// Something went wrong while `what` was done.
    pub fn failed(what: &str, error: impl ToString) -> Self {
        Self::Failed {
            what: what.to_owned(),
            error: error.to_string(),
        }
    }
}
