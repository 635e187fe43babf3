//! Messages about measurements: benchmarks and experiments.

use llamaglass_lab::{Point, Progress, bench};
use serde::{Deserialize, Serialize};

use super::Tag;
use crate::lab::{Job, LabEnd, Measured, Spec};

/// A command that measures the engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabCommand {
    /// Run a benchmark; nothing else may be running.
    Bench {
        /// Settings of the benchmark.
        settings: bench::Settings,
    },
    /// Stop the benchmark without a result.
    StopBench,
    /// Run an experiment; nothing else may be running.
    Run {
        /// The experiment and its settings.
        spec: Box<Spec>,
    },
    /// Stop the experiment; takes effect within one step.
    Stop,
    /// Measure one part of an experiment that the page drives; nothing else may be running.
    Measure {
        /// The page's number for the measurement.
        tag: Tag,
        /// The measurement.
        job: Job,
    },
}

/// A reply that concerns a measurement.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabReply {
    /// Progress of the benchmark.
    BenchProgress {
        /// The progress.
        progress: bench::Progress,
    },
    /// The benchmark is complete.
    BenchDone {
        /// Its result.
        report: Box<bench::BenchReport>,
    },
    /// The benchmark ended without a result.
    BenchFailed {
        /// Error message.
        error: String,
    },
    /// Progress of the experiment.
    Progress {
        /// The progress.
        progress: Progress,
        /// Points measured since the previous progress.
        points: Vec<Point>,
    },
    /// The experiment ended.
    Ended(LabEnd),
    /// A token was sampled for [`LabCommand::Measure`].
    Sampled {
        /// The page's number for the measurement.
        tag: Tag,
        /// Token id.
        id: u32,
    },
    /// Result of [`LabCommand::Measure`].
    Measured {
        /// The page's number for the measurement.
        tag: Tag,
        /// The result, or an error message.
        outcome: Result<Box<Measured>, String>,
    },
}
