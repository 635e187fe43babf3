//! What the client itself costs: the same plan, against a server that answers at once.

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

/// The most requests of it.
const MOST_REQUESTS: usize = 200;
/// The longest that it goes on sending, in milliseconds.
const LONGEST_MS: f64 = 3e3;
/// The most pieces of its answers.
const MOST_PIECES: usize = 512;
/// How long one of its answers may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The client against a server in the same program that answers at once: no figure of a run can be
/// smaller, and what is close to these says little about the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    /// Requests that were sent.
    pub requests: usize,
    /// Pieces of each answer.
    pub pieces: usize,
    /// What came of it.
    pub figures: Figures,
}

/// Measures the client with the beginning of a plan: when requests are sent, and what is asked. A plan
/// that takes too long is sent faster.
///
/// # Errors
/// Where there can be no such server, or it is not answered by it.
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
    fn it_is_the_plans_beginning_or_as_much_faster_as_it_has_to_be() {
        let short = [0.0, 10.0, 30.0];
        assert_eq!(beginning(&short), short);
        assert_eq!(beginning(&[0.0, 10_000.0, 30_000.0]), [0.0, 1000.0, 3000.0]);
        let many: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(beginning(&many).len(), MOST_REQUESTS);
    }
}
