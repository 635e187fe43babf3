//! A completed run of an experiment; pure.

use llamaglass_lab::LabResult;
use llamaglass_session::lab::LabSettings;
use llamaglass_types::stats::Record;

/// A completed run of an experiment.
#[derive(Clone, Debug)]
pub struct CompletedRun {
    /// Result of the run.
    pub result: LabResult,
    /// Settings of the run.
    pub settings: LabSettings,
    /// Records of the requests, for a trace; empty for a saved run.
    pub records: Vec<Record>,
}
