//! `simulate`: a queueing formula over a dataset's lengths, and the scheduler on a clock of fixed step costs.

use serde::{Deserialize, Serialize};

use super::load::LoadRun;
use crate::fifo::Fifo;
use crate::finding::{Finding, Sentence};
use crate::fixed_cost::{Arrival, Room, Served, StepCost};
use llamaglass_engine::stats::{Distribution, percentile};

/// Target utilization of the server if no rate is given.
const BUSY: f64 = 0.6;

/// Result of `simulate`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SimulateData {
    /// Name of the dataset.
    pub dataset: String,
    /// Number of answers whose lengths were simulated.
    pub requests: usize,
    /// Milliseconds per answer token.
    pub ms_per_token: f64,
    /// Requests per second.
    pub qps: f64,
    /// Figures of the study's formula.
    #[serde(flatten)]
    pub fifo: Fifo,
    /// The scheduler over the same lengths, if a model was measured.
    pub scheduler: Option<SimulatedRun>,
}

/// The scheduler on a clock of fixed step costs, next to the measured run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SimulatedRun {
    /// Level at which the measured requests' path was cut short.
    pub stub: llamaglass_engine::StubLevel,
    /// Cost of steps, measured right before and after the run.
    pub cost: StepCost,
    /// Resources of the simulated scheduler.
    pub room: Room,
    /// Arrivals of the requests.
    pub arrivals: Vec<Arrival>,
    /// Simulated times of each request.
    pub simulated: Vec<Served>,
    /// Simulated time from the first arrival to the end of the last request, in seconds.
    pub simulated_execution_s: f64,
    /// Simulated time from arrival to end, in milliseconds.
    pub simulated_e2e_ms: Option<Distribution>,
    /// The measured run.
    pub measured: LoadRun,
    /// Error of the simulated execution time relative to the measured one, in percent; above 0 if simulated is
    /// longer.
    pub execution_error_percent: Option<f64>,
    /// Error of the mean simulated time to the end, in percent.
    pub e2e_error_percent: Option<f64>,
}

impl SimulatedRun {
    /// Compares the simulated requests with the measured run.
    pub fn of(
        stub: llamaglass_engine::StubLevel,
        (cost, room): (StepCost, Room),
        arrivals: Vec<Arrival>,
        simulated: Vec<Served>,
        measured: LoadRun,
    ) -> Self {
        let begin = arrivals.first().map_or(0.0, |arrival| arrival.at_ms);
        let end = simulated.iter().map(|of| of.end_ms).fold(begin, f64::max);
        let e2e = simulated
            .iter()
            .zip(&arrivals)
            .map(|(of, at)| of.end_ms - at.at_ms);
        let simulated_e2e_ms = Distribution::of(&e2e.collect::<Vec<f64>>());
        let simulated_execution_s = (end - begin) / 1e3;
        let percent = |simulated: f64, measured: f64| (simulated / measured - 1.0) * 100.0;
        let execution = measured.execution_s.filter(|s| *s > 0.0);
        let e2e = simulated_e2e_ms.zip(measured.e2e_ms);
        Self {
            stub,
            cost,
            room,
            arrivals,
            simulated,
            execution_error_percent: execution.map(|s| percent(simulated_execution_s, s)),
            e2e_error_percent: e2e.map(|(a, b)| percent(a.mean, b.mean)),
            simulated_execution_s,
            simulated_e2e_ms,
            measured,
        }
    }
}

impl SimulateData {
    /// Applies the study's formula to answers of `output_tokens` tokens each.
    pub fn of(dataset: String, output_tokens: &[usize], ms_per_token: f64, qps: f64) -> Self {
        let service = |tokens: &usize| *tokens as f64 * ms_per_token / 1e3;
        let services: Vec<f64> = output_tokens.iter().map(service).collect();
        Self {
            dataset,
            requests: services.len(),
            ms_per_token,
            qps,
            fifo: Fifo::of(&services, qps),
            scheduler: None,
        }
    }

    /// Returns the result as sentences.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = vec![
            Sentence::new("One server at ")
                .number("/ms_per_token", self.ms_per_token)
                .text(" ms a token and ")
                .number("/qps", self.qps)
                .text(" requests a second computes for ")
                .number("/infer_s", self.fifo.infer_s)
                .text(" s, is done after ")
                .number("/total_s", self.fifo.total_s)
                .text(" s, and lets a request wait for its end up to ")
                .number("/max_wait_s", self.fifo.max_wait_s)
                .end(" s."),
        ];
        let run = self.scheduler.as_ref();
        if let Some((run, (error, measured))) = run.and_then(|run| {
            Some((
                run,
                run.execution_error_percent.zip(run.measured.execution_s)?,
            ))
        }) {
            let said = Sentence::new("The scheduler on a clock of fixed costs takes ")
                .number(
                    "/scheduler/simulated_execution_s",
                    run.simulated_execution_s,
                )
                .text(" s where ")
                .number("/scheduler/measured/execution_s", measured)
                .text(" s were measured: a difference of ")
                .number("/scheduler/execution_error_percent", error)
                .end(" %.");
            findings.push(said);
        }
        findings
    }
}

/// Returns the rate, in requests per second, that keeps one server busy 60 % of the time with answers of median
/// length.
pub fn busy_qps(output_tokens: &[usize], ms_per_token: f64) -> f64 {
    let lengths: Vec<f64> = output_tokens.iter().map(|tokens| *tokens as f64).collect();
    let middle = percentile(&lengths, 50.0).unwrap_or(1.0).max(1.0);
    BUSY / (middle * ms_per_token / 1e3).max(1e-3)
}

#[cfg(feature = "compute")]
pub use run::{SimulateSettings, run};

#[cfg(feature = "compute")]
mod run {
    use crate::experiments::load::{OpenLoop, open_loop};
    use crate::fixed_cost::{Arrival, Room, StepCost, serve};
    use crate::measure::Line;
    use std::sync::Arc;

    use super::{SimulateData, SimulatedRun, busy_qps};
    use crate::arrivals::Arrivals;
    use crate::bench::random_request;
    use crate::dataset::Dataset;
    use crate::experiments::bare::{self, BareSettings};
    use crate::{LabError, Progress, Watch};
    use llamaglass_engine::scheduler::{Policy, Request};
    use llamaglass_engine::stats::{Record, percentile};
    use llamaglass_engine::timing::StepKind;
    use llamaglass_engine::{Engine, EngineError};

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
        watch: &mut impl Watch,
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
        watch: &mut impl Watch,
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
        watch.told(Progress {
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
            info.stub,
            (cost, room),
            arrivals,
            simulated,
            measured,
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
        watch: &mut impl Watch,
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
            Some(line) if line.slope >= 0.0 && line.intercept >= 0.0 => {
                [line.intercept, line.slope]
            }
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
        watch: &mut impl Watch,
    ) -> Result<Vec<Record>, LabError> {
        engine.clear_cache();
        crate::answers::together(engine, requests, watch).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simulate_applies_formula_to_answer_tokens() {
        let data = SimulateData::of("d".into(), &[100, 10, 10], 27.0, 0.625);
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(close(data.fifo.infer_s, 3.24), "{data:?}");
        // 1.6 s apart: the first takes 2.7 s, the others 0.27 s each.
        assert!(close(data.fifo.bubble_s, 2.0 * (1.6 - 0.27)));
        assert!(close(data.fifo.total_s, 3.24) && close(data.fifo.max_wait_s, 2.7));
        let json = serde_json::to_value(&data).expect("serialises");
        assert!(
            json["total_s"].is_number() && json["bubble_s"].is_number(),
            "{json}"
        );
    }
}
