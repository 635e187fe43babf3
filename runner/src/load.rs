//! Runs `load`: sends requests at fixed times to an engine.

use llamaglass_engine::Engine;
use llamaglass_engine::event::RequestId;
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::stats::Record;
use llamaglass_lab::dataset::Dataset;
use llamaglass_lab::experiments::load::{LoadData, LoadPlan, LoadRun, LoadSample};
use llamaglass_lab::{Arrivals, LabError, Observer, Point, Progress, asking, request_count};

use crate::answers;

/// Settings of `load`.
#[derive(Clone, Debug)]
pub struct LoadSettings {
    /// Rates of the loads in requests per second, in order.
    pub qps: Vec<f64>,
    /// Duration of each load in seconds.
    pub duration_s: f64,
    /// Distribution of the gaps between requests.
    pub arrivals: Arrivals,
    /// Seed of the gaps.
    pub seed: u64,
    /// Tokens per answer.
    pub tokens: usize,
}

/// Runs a load at each rate with the prompts of `dataset`, after a warm-up that covers prefill and decode.
///
/// # Errors
/// [`LabError`] if a load has no requests, or the run is stopped.
pub async fn run(
    engine: &mut Engine,
    dataset: &Dataset,
    settings: &LoadSettings,
    watch: &mut impl Observer,
) -> Result<LoadData, LabError> {
    let chat = engine.info().has_chat_template;
    let prompts = dataset.rows.iter();
    let requests = prompts.map(|row| asking(chat, &row.prompt, settings.tokens));
    let requests: Vec<Request> = requests.collect();
    if let Some(first) = requests.first() {
        answers::alone(engine, first.clone(), watch).await?;
    }
    let mut runs = Vec::with_capacity(settings.qps.len());
    for qps in &settings.qps {
        let plan = OpenLoop {
            qps: *qps,
            duration_s: settings.duration_s,
            arrivals: settings.arrivals,
            seed: settings.seed,
            requests: &requests,
        };
        runs.push(open_loop(engine, &plan, watch).await?.0);
    }
    Ok(LoadData {
        target: "engine".into(),
        dataset: dataset.name.clone(),
        runs,
    })
}

/// Requests at fixed times, sent to an engine without a shell.
#[derive(Clone, Debug)]
pub struct OpenLoop<'a> {
    /// Requests per second.
    pub qps: f64,
    /// Duration in seconds.
    pub duration_s: f64,
    /// Distribution of the gaps between requests.
    pub arrivals: Arrivals,
    /// Seed of the gaps.
    pub seed: u64,
    /// Requests to send, in rotation.
    pub requests: &'a [Request],
}

/// Submits each request when it is due, between engine steps, and waits until all have ended. Returns the run
/// and the requests' records in order.
///
/// # Errors
/// [`LabError`] if the plan has no requests or the run is stopped. A failed request only has the error in its
/// record.
pub async fn open_loop(
    engine: &mut Engine,
    plan: &OpenLoop<'_>,
    watch: &mut impl Observer,
) -> Result<(LoadRun, Vec<Record>), LabError> {
    let OpenLoop {
        qps,
        duration_s,
        arrivals,
        seed,
        requests,
    } = *plan;
    let count = request_count(qps, duration_s)?;
    if requests.is_empty() {
        return Err(LabError::Setting("the dataset has no prompts".into()));
    }
    engine.clear_cache();
    let begin = engine.now_ms();
    let due = arrivals.offsets_ms(qps, count, seed);
    let mut answers: Vec<(f64, Record)> = Vec::with_capacity(count);
    let mut ids: Vec<RequestId> = Vec::with_capacity(count);
    let mut open = 0;
    loop {
        if !watch.yield_now().await {
            ids.into_iter().for_each(|id| engine.abort(id));
            return Err(LabError::Stopped);
        }
        let now = engine.now_ms() - begin;
        while let Some(at) = due.get(answers.len()).filter(|at| **at <= now) {
            let request = requests[answers.len() % requests.len()].clone();
            ids.push(engine.submit(request));
            answers.push((begin + at, Record::default()));
            open += 1;
        }
        if engine.is_idle() {
            match due.get(answers.len()) {
                Some(at) => watch.sleep(at - now).await,
                None => break,
            }
            continue;
        }
        for event in engine.step().await {
            let Some(index) = ids.iter().position(|id| *id == event.request()) else {
                continue;
            };
            answers[index].1.push(&event);
            if event.is_last() {
                open -= 1;
                let (due_ms, record) = &answers[index];
                watch.record(record);
                watch.notify(Progress {
                    what: format!("{qps} requests per second, {open} open"),
                    done: answers.len() - open,
                    total: count,
                    point: record.last_token_at_ms().map(|end| Point {
                        series: format!("{qps} requests per second"),
                        x: (due_ms - begin) / 1e3,
                        y: end - due_ms,
                    }),
                });
            }
        }
    }
    let load = LoadPlan {
        qps,
        duration_s,
        arrivals,
    };
    let samples: Vec<LoadSample> = answers
        .iter()
        .map(|(due_ms, record)| LoadSample::of_record(*due_ms, record))
        .collect();
    let run = LoadRun::of_samples(load, &samples);
    Ok((run, answers.into_iter().map(|(_, record)| record).collect()))
}
