//! The result of a run, as JSON.

use llamaglass_engine::platform::clock;
use llamaglass_engine::timing::Clock;
use llamaglass_lab::Arrivals;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::figures::{ErrorGroup, Figures, error_groups};
use super::sample::Sample;
use super::self_test::Floor;
use super::settings::RequestSettings;

/// Incremented when a field changes its meaning or is removed. `docs/load-result.schema.json` describes the format.
const SCHEMA_VERSION: u32 = 1;

/// Settings of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Requests per second.
    pub qps: f64,
    /// The same as typed on the command line.
    pub qps_typed: String,
    /// Duration of the schedule in seconds.
    pub duration_s: f64,
    /// Distribution of the gaps between requests.
    pub arrivals: Arrivals,
    /// Name of the dataset.
    pub dataset: String,
    /// Number of rows in the dataset; requests use them in turn.
    pub dataset_rows: usize,
    /// Maximum duration of an answer in seconds.
    pub timeout_s: f64,
    /// Settings that all requests share.
    #[serde(flatten)]
    pub request: RequestSettings,
}

/// The client's own cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClientCost {
    /// Measurements against a server that answers immediately; `None` if they were turned off.
    pub floor: Option<Floor>,
    /// CPU time of this program during the run, divided by the number of requests sent; `None` if the system does
    /// not report it.
    pub cpu_ms_per_request: Option<f64>,
    /// Resolution of the measured CPU time in milliseconds.
    pub cpu_resolution_ms: Option<f64>,
}

/// Result of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadResult {
    /// Version of this structure.
    pub schema_version: u32,
    /// Kind of experiment: `load`.
    pub experiment: String,
    /// Name and version of the program.
    pub program: String,
    /// Begin of the run in seconds since 1970.
    pub begun_unix_s: i64,
    /// Name of the model on the server.
    pub model: String,
    /// The server's address without `/v1`.
    pub server: String,
    /// The model's entry in the server's list of models, if any. Llamaglass servers include quantisation, backend
    /// and adapter.
    pub server_card: Option<Value>,
    /// Settings of the run.
    pub settings: Settings,
    /// Clock of every time except the server's own.
    pub clock: Clock,
    /// Clock of the server's own figures, if the server names it.
    pub server_clock: Option<Clock>,
    /// Number of planned requests.
    pub requested: usize,
    /// Number of requests that were sent.
    pub sent: usize,
    /// Number of requests with a complete answer.
    pub completed: usize,
    /// True if the run was stopped before its end.
    pub interrupted: bool,
    /// Number of piece times that were not kept and are in no statistic.
    pub pieces_left_out: usize,
    /// Statistics of the run.
    pub figures: Figures,
    /// Reasons why requests have no complete answer, the most frequent first.
    pub errors: Vec<ErrorGroup>,
    /// The client's own cost.
    pub client: ClientCost,
    /// Measurements of each request.
    pub requests: Vec<Sample>,
}

/// The server under load, as a result shows it.
#[derive(Clone, Debug)]
pub struct LoadTarget {
    /// Its address.
    pub server: String,
    /// Name of the model on it.
    pub model: String,
    /// Its description of the model.
    pub card: Option<Value>,
}

impl LoadResult {
    /// Creates the result of a run that began `begun_unix_s` seconds after 1970.
    pub fn new(
        target: LoadTarget,
        settings: Settings,
        begun_unix_s: i64,
        client: ClientCost,
        requests: Vec<Sample>,
    ) -> Self {
        let count = |has: fn(&Sample) -> bool| requests.iter().filter(|of| has(of)).count();
        let dropped = |of: &Sample| of.pieces - of.pieces_ms.len();
        Self {
            schema_version: SCHEMA_VERSION,
            experiment: "load".into(),
            program: format!("llamaglass {}", env!("CARGO_PKG_VERSION")),
            begun_unix_s,
            model: target.model,
            server: target.server,
            server_card: target.card,
            settings,
            clock: clock(),
            server_clock: requests
                .iter()
                .find_map(|sample| sample.server.as_ref()?.clock),
            requested: requests.len(),
            sent: count(|sample| sample.sent_ms.is_some()),
            completed: count(Sample::is_complete),
            interrupted: false,
            pieces_left_out: requests.iter().map(dropped).sum(),
            figures: Figures::of(&requests),
            errors: error_groups(&requests),
            client,
            requests,
        }
    }

    /// Returns true if every request has a complete answer.
    pub const fn is_complete(&self) -> bool {
        self.completed == self.requested
    }
}
