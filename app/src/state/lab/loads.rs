//! Requests to a server: open loop at a given rate, or one after the other.

use std::cell::Cell;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use llamaglass_lab::experiments::chain::ChainData;
use llamaglass_lab::experiments::load::{LoadData, LoadPlan, LoadRun, LoadSample};
use llamaglass_lab::{Data, LabError, Observer, Point, Progress, asking, request_count};
use llamaglass_types::stats::Record;

use super::super::app::{App, now};
use super::answers;
use super::requests;
use super::watch::{PageWatch, pause};
use crate::lab::{LabSettings, Records, Spec};

/// Maximum delay in milliseconds until a stop is noticed.
const STOP_CHECK_MS: f64 = 200.0;

/// Time at which a request is due, on the page's clock.
pub struct Due(f64);

/// Returns due times at these offsets from now.
pub fn at(offsets_ms: &[f64]) -> impl Iterator<Item = Due> + '_ {
    let begin = now();
    offsets_ms.iter().map(move |offset| Due(begin + offset))
}

impl Due {
    /// Waits until the request is due or the experiment is stopped. Returns the due time.
    pub async fn wait(self, app: App) -> f64 {
        while now() < self.0 && !requests::is_stopped(app) {
            pause((self.0 - now()).min(STOP_CHECK_MS)).await;
        }
        self.0
    }
}

/// Runs an open loop at each rate: a request is sent when it is due, whatever became of earlier ones.
/// Fails if the experiment is stopped; failed requests are only counted.
pub async fn load(
    app: App,
    spec: &Spec,
    watch: &mut PageWatch,
) -> Result<(Data, Vec<Record>), LabError> {
    let LabSettings {
        qps: rates,
        duration_s,
        arrivals,
        seed,
        tokens,
        ..
    } = &spec.settings;
    let dataset = spec.source.dataset(0)?;
    let server = app.server_untracked();
    let target = server.map_or_else(String::new, |server| server.url);
    let mut records = Records::default();
    let mut runs = Vec::with_capacity(rates.len());
    for qps in rates {
        let count = request_count(*qps, *duration_s)?;
        let due = arrivals.offsets_ms(*qps, count, *seed);
        let (rows, open) = (&dataset.rows, &Cell::new(0_usize));
        let begin = now();
        let mut answers: FuturesUnordered<_> = at(&due)
            .enumerate()
            .map(|(index, due)| async move {
                let due_ms = due.wait(app).await;
                open.set(open.get() + 1);
                let request = asking(true, &rows[index % rows.len()].prompt, *tokens);
                let answer = answers::receive(app, request, |_, _| {}).await;
                open.set(open.get() - 1);
                answer.map(|mut answer| {
                    answer.sample.due_ms = due_ms;
                    answer
                })
            })
            .collect();
        let mut samples: Vec<LoadSample> = Vec::with_capacity(count);
        while let Some(answer) = answers.next().await {
            let answer = answer?;
            let sample = answer.sample;
            if !answer.record.steps.is_empty() {
                records.push(&answer.record);
            }
            let end_ms = sample.end_ms.filter(|_| sample.error.is_none());
            watch.notify(Progress {
                what: format!("{qps} requests per second, {} open", open.get()),
                done: samples.len() + 1,
                total: count,
                point: end_ms.map(|end| Point {
                    series: format!("{qps} requests per second"),
                    x: (sample.due_ms - begin) / 1e3,
                    y: end - sample.due_ms,
                }),
            });
            samples.push(sample);
        }
        runs.push(LoadRun::of_samples(
            LoadPlan {
                qps: *qps,
                duration_s: *duration_s,
                arrivals: *arrivals,
            },
            &samples,
        ));
    }
    let data = LoadData {
        target,
        dataset: dataset.name,
        runs,
    };
    Ok((Data::Load(data), records.into_vec()))
}

/// Sends the dataset's rows one after the other, and collects the timings of steps that the server reports.
pub async fn chain(
    app: App,
    spec: &Spec,
    watch: &mut PageWatch,
) -> Result<(Data, Vec<Record>), LabError> {
    if spec.settings.with.is_some() {
        return Err(LabError::Setting(
            "a mistake can\u{2019}t be simulated on a server: choose no second run".into(),
        ));
    }
    let dataset = spec.source.dataset(spec.settings.rows)?;
    let total = dataset.rows.len();
    let mut records = Vec::with_capacity(total);
    for (index, row) in dataset.rows.iter().enumerate() {
        if !watch.yield_now().await {
            return Err(LabError::Stopped);
        }
        let request = asking(true, &row.prompt, spec.settings.tokens);
        let answer = answers::complete(app, request, |_, _| {}).await?;
        watch.notify(Progress {
            what: format!("row {}/{total}", index + 1),
            done: index + 1,
            total,
            point: answer.record.ttft_ms().map(|ms| Point {
                series: "first token".into(),
                x: index as f64 + 1.0,
                y: ms,
            }),
        });
        records.push(answer.record);
    }
    let data = ChainData::of(dataset.name, &records);
    let mut trace = Records::default();
    records.iter().for_each(|record| trace.push(record));
    Ok((Data::Chain(Box::new(data)), trace.into_vec()))
}
