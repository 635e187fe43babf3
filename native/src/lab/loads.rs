//! Loads of the lab, and their conversion to lab results.

use llamaglass_lab::Arrivals;
use llamaglass_lab::experiments::load::LoadRun;

use crate::cli::{Protocol, Qps};
use crate::load_client::{LoadResult, RequestSettings, SweepSettings};

/// Maximum duration of a response in seconds.
const TIMEOUT_S: f64 = 600.0;

/// Returns the settings of requests for `tokens` tokens in OpenAI's protocol, as chats or as raw completions.
pub const fn request_settings(
    stream: bool,
    chat: bool,
    tokens: usize,
    seed: u64,
) -> RequestSettings {
    RequestSettings {
        protocol: Protocol::Openai,
        stream,
        raw: !chat,
        max_tokens: tokens,
        temperature: 0.0,
        seed,
        ignore_eos: true,
        timings: true,
    }
}

/// Returns the settings of runs at the given rates.
pub const fn sweep_settings(
    qps: Vec<Qps>,
    duration_s: f64,
    arrivals: Arrivals,
    request: RequestSettings,
    self_test: bool,
) -> SweepSettings {
    SweepSettings {
        qps,
        duration_s,
        arrivals,
        timeout_s: TIMEOUT_S,
        self_test,
        request,
    }
}

/// Converts a result of the load client to a run in the lab's results.
pub fn load_run(result: &LoadResult) -> LoadRun {
    let figures = &result.figures;
    let floor = result.client.floor.as_ref();
    LoadRun {
        qps: result.settings.qps,
        duration_s: result.settings.duration_s,
        arrivals: result.settings.arrivals,
        stream: result.settings.request.stream,
        requested: result.requested,
        completed: result.completed,
        execution_s: figures.execution_ms.map(|ms| ms / 1e3),
        tokens: figures.tokens,
        ms_per_token: figures.ms_per_token,
        ttft_ms: figures.from_schedule.ttft_ms,
        e2e_ms: figures.from_schedule.e2e_ms,
        itl_ms: figures.itl_ms,
        queue_ms: figures.server.queue_ms,
        client_floor_ms: floor.and_then(|floor| Some(floor.figures.from_schedule.e2e_ms?.p50)),
        errors: result
            .errors
            .iter()
            .map(|group| (group.words.clone(), group.count))
            .collect(),
    }
}
