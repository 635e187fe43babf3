//! Measurement of the client's own cost: the same plan against a server that answers immediately.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::figures::{Figures, error_groups};
use super::null_server::NullServer;
use super::run::{Plan, run};
use super::sample::Sample;
use super::settings::RequestSettings;
use super::target::Target;

/// Maximum number of requests.
const MAX_REQUESTS: usize = 200;
/// Maximum duration of the schedule in milliseconds.
const MAX_SCHEDULE_MS: f64 = 3e3;
/// Maximum number of pieces per answer.
const MAX_PIECES: usize = 512;
/// Maximum duration of an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Measurements against a server in this program that answers immediately: no figure of a run can be smaller, and
/// figures close to these say little about the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    /// Number of requests with a complete answer.
    pub requests: usize,
    /// Number of pieces per answer.
    pub pieces: usize,
    /// Statistics of the requests.
    pub figures: Figures,
}

/// Measures the client with the beginning of a plan's schedule and its prompts. A schedule that is too long is sent
/// faster.
pub async fn measure(
    offsets_ms: &[f64],
    prompts: &[&str],
    settings: RequestSettings,
    stop: watch::Receiver<bool>,
) -> Result<Floor> {
    let pieces = settings.max_tokens.min(MAX_PIECES);
    let server = NullServer::start(&settings, pieces)?;
    let target = Target::new(&server.url, None, "null")?;
    let requests = prompts
        .iter()
        .map(|prompt| target.prepare(&settings, prompt));
    let plan = Plan {
        offsets_ms: beginning(offsets_ms),
        requests: requests.take(MAX_REQUESTS).collect::<Result<_>>()?,
        settings,
        timeout: TIMEOUT,
    };
    let samples = run(&target.client, &plan, stop.clone(), &mut |_| {}).await?;
    let failed = error_groups(&samples);
    ensure!(
        failed.is_empty() || *stop.borrow(),
        "measuring the client failed: {}; skip it with --no-self-test",
        failed[0].words
    );
    Ok(Floor {
        requests: samples.iter().filter(|of| Sample::is_complete(of)).count(),
        pieces,
        figures: Figures::of(&samples),
    })
}

fn beginning(offsets_ms: &[f64]) -> Vec<f64> {
    let first = &offsets_ms[..offsets_ms.len().min(MAX_REQUESTS)];
    let last = first.last().copied().unwrap_or(0.0);
    let faster = (MAX_SCHEDULE_MS / last.max(MAX_SCHEDULE_MS)).min(1.0);
    first.iter().map(|at| at * faster).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedule_is_the_plans_beginning_sped_up_when_too_long() {
        let short = [0.0, 10.0, 30.0];
        assert_eq!(beginning(&short), short);
        assert_eq!(beginning(&[0.0, 10_000.0, 30_000.0]), [0.0, 1000.0, 3000.0]);
        let many: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(beginning(&many).len(), MAX_REQUESTS);
    }
}
