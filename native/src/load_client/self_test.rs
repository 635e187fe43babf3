//! Measurement of the client's own cost: the same plan against a server that answers immediately.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::figures::{Figures, error_groups};
use super::null_server::NullServer;
use super::protocol::Asking;
use super::run::{Plan, run};
use super::sample::Sample;
use super::target::Target;

/// Maximum number of requests.
const MOST_REQUESTS: usize = 200;
/// Maximum duration of the schedule in milliseconds.
const LONGEST_MS: f64 = 3e3;
/// Maximum number of pieces per answer.
const MOST_PIECES: usize = 512;
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
///
/// # Errors
/// Fails if the server can't be started or a request fails.
pub async fn measure(
    offsets_ms: &[f64],
    prompts: &[&str],
    asking: Asking,
    stop: watch::Receiver<bool>,
) -> Result<Floor> {
    let pieces = asking.max_tokens.min(MOST_PIECES);
    let server = NullServer::start(&asking, pieces)?;
    let target = Target::new(&server.url, None, "null")?;
    let requests = prompts.iter().map(|prompt| target.prepare(&asking, prompt));
    let plan = Plan {
        offsets_ms: beginning(offsets_ms),
        requests: requests.take(MOST_REQUESTS).collect(),
        asking,
        timeout: TIMEOUT,
    };
    let samples = run(&target.client, &plan, stop.clone(), &mut |_| {}).await?;
    let failed = error_groups(&samples);
    ensure!(
        failed.is_empty() || *stop.borrow(),
        "measuring the client: {} (--no-self-test goes without)",
        failed[0].words
    );
    Ok(Floor {
        requests: samples.iter().filter(|of| Sample::is_complete(of)).count(),
        pieces,
        figures: Figures::of(&samples),
    })
}

fn beginning(offsets_ms: &[f64]) -> Vec<f64> {
    let first = &offsets_ms[..offsets_ms.len().min(MOST_REQUESTS)];
    let last = first.last().copied().unwrap_or(0.0);
    let faster = (LONGEST_MS / last.max(LONGEST_MS)).min(1.0);
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
        assert_eq!(beginning(&many).len(), MOST_REQUESTS);
    }
}
