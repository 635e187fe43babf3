//! The open loop: sends each request at its time, whether or not earlier ones have been answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use llamaglass_engine::platform::Stopwatch;
use reqwest::{Client, Request};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::fault::Fault;
use super::sample::Sample;
use super::sending::{Sender, stop_requested};
use super::settings::RequestSettings;

/// Maximum number of piece and token times that a run keeps: 8 MB in memory, some 20 MB in its result.
const MAX_TIMES: usize = 1 << 20;

/// Requests of a run and their schedule.
#[derive(Debug)]
pub struct Plan {
    /// Sending time of each request in milliseconds since the run began, ascending.
    pub offsets_ms: Vec<f64>,
    /// One request per row of the dataset, sent in turn; at least one.
    pub requests: Vec<Request>,
    /// Settings that all requests share.
    pub settings: RequestSettings,
    /// Maximum duration of an answer.
    pub timeout: Duration,
}

/// Progress of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Number of requests sent.
    pub sent: usize,
    /// Number of requests with a complete answer.
    pub completed: usize,
    /// Number of failed requests.
    pub failed: usize,
}

impl Counts {
    /// Returns the number of requests in flight.
    pub const fn running(&self) -> usize {
        self.sent - self.completed - self.failed
    }
}

/// Sends the planned requests over `client`'s connections until all answers have ended or `stop` is true. Returns a
/// sample of each request in the plan's order, and calls `on_progress` after every change.
pub async fn run(
    client: &Client,
    plan: &Plan,
    mut stop: watch::Receiver<bool>,
    on_progress: &mut dyn FnMut(Counts),
) -> Result<Vec<Sample>> {
    let watch = Stopwatch::start();
    let (pacer, mut due) = Pacer::start(watch, plan.offsets_ms.clone())?;
    let sender = Arc::new(Sender {
        client: client.clone(),
        settings: plan.settings,
        timeout: plan.timeout,
        watch,
        remaining: AtomicUsize::new(MAX_TIMES),
        stop: stop.clone(),
    });
    let mut samples: Vec<Option<Sample>> = vec![None; plan.offsets_ms.len()];
    let mut running = JoinSet::new();
    let mut counts = Counts::default();
    let (mut all_due, mut stopped) = (false, false);
    while !all_due || !running.is_empty() {
        tokio::select! {
            biased;
            () = stop_requested(&mut stop), if !stopped => {
                stopped = true;
                pacer.stop();
            }
            index = due.recv(), if !all_due => match index {
                Some(_) if stopped => {}
                Some(index) => {
                    let (sample, request) = plan.at(index);
                    if let Some(request) = request {
                        running.spawn(Arc::clone(&sender).send(request, sample));
                        counts.sent += 1;
                    }
                }
                None => all_due = true,
            },
            ended = running.join_next(), if !running.is_empty() => {
                if let Some(Ok(sample)) = ended {
                    if sample.is_complete() {
                        counts.completed += 1;
                    } else {
                        counts.failed += 1;
                    }
                    let index = sample.index;
                    samples[index] = Some(sample);
                }
            }
        }
        on_progress(counts);
    }
    let all = samples.into_iter().enumerate();
    let all = all.map(|(index, sample)| sample.unwrap_or_else(|| plan.not_sent(index)));
    Ok(all.collect())
}

impl Plan {
    /// Returns an empty sample for the request at `index`, and a copy of the request.
    fn at(&self, index: usize) -> (Sample, Option<Request>) {
        let row = index % self.requests.len();
        let sample = Sample::new(index, row, self.offsets_ms[index]);
        // Bodies are in memory, so requests can be cloned.
        (sample, self.requests[row].try_clone())
    }

    fn not_sent(&self, index: usize) -> Sample {
        let (sample, _) = self.at(index);
        Sample {
            error: Some(Fault::NotSent.to_string()),
            ..sample
        }
    }
}

/// Announces when a request is due, from its own thread: the runtime's timer has a resolution of milliseconds.
struct Pacer {
    stopped: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Pacer {
    fn start(
        watch: Stopwatch,
        offsets_ms: Vec<f64>,
    ) -> Result<(Self, mpsc::UnboundedReceiver<usize>)> {
        let (sender, due) = mpsc::unbounded_channel();
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        let pace = move || {
            for (index, at_ms) in offsets_ms.into_iter().enumerate() {
                loop {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let early_ms = at_ms - watch.ms();
                    if early_ms <= 0.0 {
                        break;
                    }
                    std::thread::park_timeout(Duration::from_secs_f64(early_ms / 1e3));
                }
                if sender.send(index).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("pacer".into())
            .spawn(pace)
            .context("starting a thread")?;
        Ok((Self { stopped, thread }, due))
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.stop();
    }
}
