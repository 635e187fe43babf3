//! Runs at several request rates.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use llamaglass_engine::platform::unix_time_seconds;
use llamaglass_lab::dataset::Dataset;
use llamaglass_lab::{Arrivals, request_count};
use tokio::sync::watch;

use super::cpu;
use super::result::{ClientCost, LoadResult, LoadTarget, Settings};
use super::run::{Counts, Plan, run};
use super::sample::rounded;
use super::self_test;
use super::settings::RequestSettings;
use super::target::Target;
use crate::cli::{Protocol, Qps};

/// Maximum number of requests per run; a sample of each is kept in memory.
const MAX_REQUESTS: usize = 1_000_000;

/// Settings of a sweep.
#[derive(Clone, Debug)]
pub struct SweepSettings {
    /// Request rates, one run each.
    pub qps: Vec<Qps>,
    /// Duration of each run in seconds.
    pub duration_s: f64,
    /// Distribution of the gaps between requests.
    pub arrivals: Arrivals,
    /// Maximum duration of an answer in seconds.
    pub timeout_s: f64,
    /// If true, the client's own cost is measured before each run.
    pub self_test: bool,
    /// Settings that all requests share.
    pub request: RequestSettings,
}

impl SweepSettings {
    /// Returns the number of requests of a run at a rate.
    pub fn count(&self, qps: &Qps) -> Result<usize> {
        Ok(request_count(qps.value, self.duration_s)?)
    }

    /// Checks that every run has 1 to [`MAX_REQUESTS`] requests and that no rate is given twice.
    pub fn check(&self) -> Result<()> {
        let mut typed = BTreeSet::new();
        for qps in &self.qps {
            let (name, seconds) = (&qps.typed, self.duration_s);
            ensure!(typed.insert(name), "--qps contains {name} twice");
            let requests = self.count(qps)?;
            ensure!(
                requests <= MAX_REQUESTS,
                "{name} requests per second for {seconds} s give {requests} requests; at most {MAX_REQUESTS} are allowed"
            );
        }
        Ok(())
    }
}

/// A sweep against one server, with one dataset.
#[derive(Debug)]
pub struct Load<'a> {
    /// The server.
    pub target: Target,
    /// Settings of the sweep.
    pub settings: SweepSettings,
    /// The prompts.
    pub dataset: &'a Dataset,
}

impl<'a> Load<'a> {
    /// Creates a sweep; timings are requested only from a llamaglass server that streams OpenAI's protocol.
    pub const fn new(target: Target, mut settings: SweepSettings, dataset: &'a Dataset) -> Self {
        let request = &mut settings.request;
        let has_timings = matches!(request.protocol, Protocol::Openai) && request.stream;
        request.timings = request.timings && has_timings && target.sends_timings;
        Self {
            target,
            settings,
            dataset,
        }
    }

    /// Runs the load at one rate and calls `on_progress` with the progress.
    ///
    /// # Errors
    /// Fails if the client can't be measured or the system allows no further thread. Failures of requests are part
    /// of the result.
    pub async fn run(
        &self,
        qps: &Qps,
        stop: watch::Receiver<bool>,
        on_progress: &mut dyn FnMut(Counts),
    ) -> Result<LoadResult> {
        let SweepSettings {
            duration_s,
            arrivals,
            timeout_s,
            request,
            ..
        } = self.settings;
        let count = self.settings.count(qps)?;
        let offsets_ms = arrivals.offsets_ms(qps.value, count, request.seed);
        let rows = self.dataset.rows.iter().take(count);
        let prompts: Vec<&str> = rows.map(|row| &*row.prompt).collect();
        let floor = match self.settings.self_test {
            true => Some(self_test::measure(&offsets_ms, &prompts, request, stop.clone()).await?),
            false => None,
        };
        let requests = prompts.iter();
        let requests = requests.map(|prompt| self.target.prepare(&request, prompt));
        let plan = Plan {
            offsets_ms,
            requests: requests.collect::<Result<_>>()?,
            settings: request,
            timeout: Duration::from_secs_f64(timeout_s),
        };
        let (begun, cpu_ms) = (unix_time_seconds(), cpu::time_ms());
        let samples = run(&self.target.client, &plan, stop.clone(), on_progress).await?;
        let sent = samples.iter().filter(|sample| sample.sent_ms.is_some());
        let sent = sent.count();
        let cpu_ms = cpu_ms.zip(cpu::time_ms());
        let cpu_ms = cpu_ms.filter(|_| sent > 0).map(|(begin, end)| end - begin);
        let settings = Settings {
            qps: qps.value,
            qps_typed: qps.typed.clone(),
            duration_s,
            arrivals,
            dataset: self.dataset.name.clone(),
            dataset_rows: self.dataset.rows.len(),
            timeout_s,
            request,
        };
        let cost = ClientCost {
            floor,
            cpu_ms_per_request: cpu_ms.map(|ms| rounded(ms / sent as f64)),
            cpu_resolution_ms: cpu_ms.map(|_| cpu::RESOLUTION_MS),
        };
        let mut result = LoadResult::new(self.described(), settings, begun, cost, samples);
        result.interrupted = *stop.borrow();
        Ok(result)
    }

    fn described(&self) -> LoadTarget {
        LoadTarget {
            server: self.target.url().to_owned(),
            model: self.target.model.clone(),
            card: self.target.card.clone(),
        }
    }
}
