//! What a run found: one JSON, whoever asked for it.

use llamaglass_lab::Arrivals;
use llamaglass_engine::platform::clock;
use llamaglass_engine::timing::Clock;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::figures::{ErrorGroup, Figures, error_groups};
use super::protocol::Asking;
use super::sample::Sample;
use super::self_test::Floor;

/// Raised when a field changes its meaning or goes. `docs/load-result.schema.json` describes it.
const SCHEMA_VERSION: u32 = 1;

/// What a run was to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Requests a second.
    pub qps: f64,
    /// The same as it was typed.
    pub qps_typed: String,
    /// For how long, in seconds.
    pub duration_s: f64,
    /// The gaps between requests.
    pub arrivals: Arrivals,
    /// The dataset's name.
    pub dataset: String,
    /// How many of its rows are asked, in turn.
    pub dataset_rows: usize,
    /// How long an answer may take, in seconds.
    pub timeout_s: f64,
    /// What every request asks for.
    #[serde(flatten)]
    pub asking: Asking,
}

/// What the client itself costs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClientCost {
    /// The same client against a server that answers at once; nothing where that was not measured.
    pub floor: Option<Floor>,
    /// CPU time of this program over the run, divided by the requests sent; nothing where the system
    /// does not tell.
    pub cpu_ms_per_request: Option<f64>,
    /// The smallest difference of CPU time over the run that is seen, in milliseconds.
    pub cpu_resolution_ms: Option<f64>,
}

/// What a run found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadResult {
    /// The version of this structure.
    pub schema_version: u32,
    /// What was done: `load`.
    pub experiment: String,
    /// The program's version.
    pub program: String,
    /// When it began, in seconds since 1970.
    pub begun_unix_s: i64,
    /// What the server calls the model.
    pub model: String,
    /// The server's address without `/v1`.
    pub server: String,
    /// What the server says of the model in its list, where it says something. Servers of ours say
    /// quantisation, backend and adapter.
    pub server_card: Option<Value>,
    /// What was to be done.
    pub settings: Settings,
    /// The clock of every time but the server's own.
    pub clock: Clock,
    /// The clock that the server says its own figures are read from.
    pub server_clock: Option<Clock>,
    /// Requests of the plan.
    pub requested: usize,
    /// Requests that were sent.
    pub sent: usize,
    /// Requests with a whole answer.
    pub completed: usize,
    /// Whether the run was stopped before its end.
    pub interrupted: bool,
    /// Times of pieces and tokens that were not kept, and are in no figure.
    pub pieces_left_out: usize,
    /// Its figures.
    pub figures: Figures,
    /// Why requests have no whole answer, the most frequent reason first.
    pub errors: Vec<ErrorGroup>,
    /// What the client itself costs.
    pub client: ClientCost,
    /// What came of each request.
    pub requests: Vec<Sample>,
}

/// The server that was asked, as a result shows it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its address.
    pub server: String,
    /// What it calls the model.
    pub model: String,
    /// What it says of the model.
    pub card: Option<Value>,
}

impl LoadResult {
    /// Of a run that began so many seconds after 1970.
    pub fn new(
        asked: Asked,
        settings: Settings,
        begun_unix_s: i64,
        client: ClientCost,
        requests: Vec<Sample>,
    ) -> Self {
        let count = |has: fn(&Sample) -> bool| requests.iter().filter(|of| has(of)).count();
        let left_out = |of: &Sample| of.pieces - of.pieces_ms.len();
        Self {
            schema_version: SCHEMA_VERSION,
            experiment: "load".into(),
            program: format!("llamaglass {}", env!("CARGO_PKG_VERSION")),
            begun_unix_s,
            model: asked.model,
            server: asked.server,
            server_card: asked.card,
            settings,
            clock: clock(),
            server_clock: requests
                .iter()
                .find_map(|sample| sample.server.as_ref()?.clock),
            requested: requests.len(),
            sent: count(|sample| sample.sent_ms.is_some()),
            completed: count(Sample::is_complete),
            interrupted: false,
            pieces_left_out: requests.iter().map(left_out).sum(),
            figures: Figures::of(&requests),
            errors: error_groups(&requests),
            client,
            requests,
        }
    }

    /// Whether every request has a whole answer.
    pub const fn is_complete(&self) -> bool {
        self.completed == self.requested
    }
}
