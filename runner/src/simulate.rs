//! Runs `simulate`: measures step costs, and the same load on the engine and on the simulated scheduler.

use crate::fixed_cost::serve;
use crate::load::{OpenLoop, open_loop};
use llamaglass_lab::Line;
use llamaglass_lab::StubLevel;
use llamaglass_lab::fixed_cost::{Arrival, Room, StepCost};
use std::sync::Arc;

use crate::bare::{self, BareSettings};
use llamaglass_engine::scheduler::{Policy, Request};
use llamaglass_engine::stats::{Record, percentile};
use llamaglass_engine::timing::StepKind;
use llamaglass_engine::{Engine, EngineError};
use llamaglass_lab::Arrivals;
use llamaglass_lab::bench::random_request;
use llamaglass_lab::dataset::Dataset;
use llamaglass_lab::experiments::simulate::{SimulateData, SimulatedRun, busy_qps};
use llamaglass_lab::{LabError, Observer, Progress};

/// Answer tokens per calibration request.
const CALIBRATION_TOKENS: usize = 12;

/// Rows, and answer tokens per row, of the trial that measures the time per token.
const TRIAL: (usize, usize) = (2, 16);

/// Settings of `simulate`.
#[derive(Clone, Copy, Debug)]
pub struct SimulateSettings {
    /// Requests per second; by default the rate that keeps one server busy 60 % of the time.
    pub qps: Option<f64>,
    /// Distribution of the gaps between requests.
    pub arrivals: Arrivals,
    /// Seed of the gaps and of the prompts' token ids.
    pub seed: u64,
    /// Maximum tokens per answer; by default as many as the row's reference answer has.
    pub most_tokens: Option<usize>,
    /// Scheduling policy that the engine was loaded with.
    pub policy: Policy,
    /// Stub level at which the engine answers.
    pub stub: StubLevel,
}

/// A load; each row holds the tokens of a prompt and of its answer.
struct Lengths<'a> {
    qps: f64,
    how: &'a SimulateSettings,
    rows: Vec<(usize, usize)>,
}

/// Applies the study's formula to the lengths of `dataset` with this engine's time per token, runs the
/// scheduler on a clock of this engine's step costs, and measures the same load.
///
/// # Errors
/// [`LabError`] if a row cannot be tokenized, a request does not fit the context, or the run is stopped or
/// fails.
pub async fn run(
    engine: &mut Engine,
    dataset: &Dataset,
    how: &SimulateSettings,
    watch: &mut impl Observer,
) -> Result<SimulateData, LabError> {
    let tokenizer = Arc::clone(engine.tokenizer());
    let mut rows = Vec::with_capacity(dataset.rows.len());
    for (index, row) in dataset.rows.iter().enumerate() {
        let lengths = || -> Result<(usize, usize), EngineError> {
            let most = how.most_tokens.unwrap_or(usize::MAX);
            let output = bare::budget(&tokenizer, row)?.min(most);
            Ok((bare::encode(&tokenizer, row)?.0.len(), output))
        };
        rows.push(lengths().map_err(|error| LabError::Row {
            row: index + 1,
            error: error.to_string(),
        })?);
    }
    let outputs: Vec<usize> = rows.iter().map(|row| row.1).collect();
    let mut few = dataset.clone();
    few.take(TRIAL.0);
    let trial = BareSettings {
        tokens: Some(TRIAL.1),
    };
    let ms_per_token = bare::run(engine, &few, trial, watch).await?.ms_per_token;
    let qps = how.qps.unwrap_or_else(|| busy_qps(&outputs, ms_per_token));
    let mut data = SimulateData::of(dataset.name.clone(), &outputs, ms_per_token, qps);
    let lengths = Lengths { qps, how, rows };
    data.scheduler = Some(beside(engine, &lengths, watch).await?);
    Ok(data)
}

/// Measures step costs, simulates the requests with these costs and measures the same load.
async fn beside(
    engine: &mut Engine,
    load: &Lengths<'_>,
    watch: &mut impl Observer,
) -> Result<SimulatedRun, LabError> {
    let info = engine.info().clone();
    let Lengths { qps, how, rows } = load;
    let room = Room {
        batch: info.batch,
        prefill_chunk: info.prefill_chunk,
        kv_positions: info.kv_positions,
        policy: how.policy,
    };
    let vocab = info.config.vocab_size;
    let requests: Vec<Request> = (how.seed..)
        .zip(rows)
        .map(|(seed, (input, output))| random_request(seed, *input, *output, vocab))
        .collect();
    let longest = rows.iter().map(|(input, output)| input + output).max();
    if longest.is_none_or(|longest| longest > info.context_length) {
        return Err(LabError::Setting(format!(
            "the longest request has {} tokens, and the context {}",
            longest.unwrap_or(0),
            info.context_length
        )));
    }
    watch.notify(Progress {
        what: "what steps cost".into(),
        ..Progress::default()
    });
    let before = calibrate(engine, load, watch).await?;
    let plan = OpenLoop {
        qps: *qps,
        duration_s: rows.len() as f64 / qps,
        arrivals: how.arrivals,
        seed: how.seed,
        requests: &requests,
    };
    let (measured, _) = open_loop(engine, &plan, watch).await?;
    // Calibrate at both ends of the run, because the speed of a shared machine varies.
    let cost = mean(before, calibrate(engine, load, watch).await?);
    let offsets = how.arrivals.offsets_ms(*qps, rows.len(), how.seed);
    let arrivals: Vec<Arrival> = offsets
        .into_iter()
        .zip(rows)
        .map(|(at_ms, (input_tokens, output_tokens))| Arrival {
            at_ms,
            input_tokens: *input_tokens,
            output_tokens: *output_tokens,
        })
        .collect();
    let simulated = serve(&arrivals, room, cost);
    Ok(SimulatedRun::of(
        how.stub, cost, room, arrivals, simulated, measured,
    ))
}

fn mean(a: StepCost, b: StepCost) -> StepCost {
    StepCost {
        prefill_step_ms: f64::midpoint(a.prefill_step_ms, b.prefill_step_ms),
        prefill_row_ms: f64::midpoint(a.prefill_row_ms, b.prefill_row_ms),
        decode_step_ms: f64::midpoint(a.decode_step_ms, b.decode_step_ms),
        decode_row_ms: f64::midpoint(a.decode_row_ms, b.decode_row_ms),
    }
}

/// Measures the cost of steps by number of rows: prefills of two prompt lengths, and decode with one sequence
/// and with a full batch.
async fn calibrate(
    engine: &mut Engine,
    load: &Lengths<'_>,
    watch: &mut impl Observer,
) -> Result<StepCost, LabError> {
    let (chunk, batch) = (engine.info().prefill_chunk, engine.info().batch);
    let vocab = engine.info().config.vocab_size;
    let typical = load.rows.iter().map(|(input, _)| *input as f64);
    let typical = percentile(&typical.collect::<Vec<f64>>(), 50.0).unwrap_or(1.0) as usize;
    let long = typical.clamp(2, chunk.max(2));
    let short = (long / 4).max(1);
    let mut seed = load.how.seed ^ 0x5eed;
    let mut request = |input: usize| {
        seed = seed.wrapping_add(1);
        random_request(seed, input, CALIBRATION_TOKENS, vocab)
    };
    let (mut prefill, mut decode) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        for input in [short, long] {
            let records = together(engine, vec![request(input)], watch).await?;
            prefill.extend(
                records
                    .iter()
                    .filter_map(|of| Some((input as f64, first_ms(of)?))),
            );
            decode.extend(records.iter().filter_map(|of| Some((1.0, step_ms(of)?))));
        }
    }
    if batch > 1 {
        for _ in 0..2 {
            let requests = (0..batch).map(|_| request(short)).collect();
            let records = together(engine, requests, watch).await?;
            decode.extend(
                records
                    .iter()
                    .filter_map(|of| Some((batch as f64, step_ms(of)?))),
            );
        }
    }
    let [prefill_step_ms, prefill_row_ms] = costs(&prefill);
    let [decode_step_ms, decode_row_ms] = costs(&decode);
    Ok(StepCost {
        prefill_step_ms,
        prefill_row_ms,
        decode_step_ms,
        decode_row_ms,
    })
}

/// Fits the cost of a step and of each row; neither is negative.
fn costs(points: &[(f64, f64)]) -> [f64; 2] {
    let values: Vec<f64> = points.iter().map(|point| point.1).collect();
    let median = percentile(&values, 50.0).unwrap_or(0.0);
    match Line::through(points) {
        Some(line) if line.slope >= 0.0 && line.intercept >= 0.0 => [line.intercept, line.slope],
        Some(line) if line.slope >= 0.0 => {
            let rows: f64 = points.iter().map(|point| point.0).sum();
            [0.0, values.iter().sum::<f64>() / rows]
        }
        _ => [median, 0.0],
    }
}

/// Returns the time from the start of the first step to the first token.
fn first_ms(record: &Record) -> Option<f64> {
    let first = record.steps.first()?;
    Some(record.first_token_at_ms()? - first.start_ms)
}

/// Returns the median time between tokens without the first gap, when not all sequences are decoding yet.
fn step_ms(record: &Record) -> Option<f64> {
    let decode = record
        .steps
        .iter()
        .filter(|step| step.kind == StepKind::Decode);
    let gaps = record.tpot_ms();
    (decode.count() > 2).then(|| percentile(&gaps[1..], 50.0))?
}

async fn together(
    engine: &mut Engine,
    requests: Vec<Request>,
    watch: &mut impl Observer,
) -> Result<Vec<Record>, LabError> {
    engine.clear_cache();
    crate::answers::together(engine, requests, watch).await
}
