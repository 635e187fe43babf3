//! `simulate`: what a queue alone makes of a dataset's lengths, and the scheduler on a fixed-cost clock.

use serde::{Deserialize, Serialize};

use crate::fifo::Fifo;
use crate::finding::{Finding, Sentence};
use crate::fixed_cost::{Arrival, Room, Served, StepCost};
use super::load::LoadRun;
use llamaglass_engine::stats::{Distribution, percentile};

/// How busy a server is kept where nobody says at which rate.
const BUSY: f64 = 0.6;

/// What `simulate` finds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SimulateData {
    /// The dataset's name.
    pub dataset: String,
    /// How many of its rows have a reference answer, whose length is used.
    pub requests: usize,
    /// Milliseconds a token of the answer.
    pub ms_per_token: f64,
    /// Requests a second.
    pub qps: f64,
    /// The study's formula.
    #[serde(flatten)]
    pub fifo: Fifo,
    /// The scheduler on the same lengths, where a model was measured.
    pub scheduler: Option<SimulatedRun>,
}

/// The scheduler on a fixed-cost clock beside what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SimulatedRun {
    /// How far the path of the measured requests was followed.
    pub stub: llamaglass_engine::StubLevel,
    /// What steps take, measured just before.
    pub cost: StepCost,
    /// What the scheduler has to give away.
    pub room: Room,
    /// Requests as they came.
    pub arrivals: Vec<Arrival>,
    /// What the simulation made of each.
    pub simulated: Vec<Served>,
    /// From the first request's start to the last one's end, in seconds.
    pub simulated_execution_s: f64,
    /// Simulated, to the end, in milliseconds.
    pub simulated_e2e_ms: Option<Distribution>,
    /// The measured run.
    pub measured: LoadRun,
    /// How much longer the simulated run takes than the measured one, in percent.
    pub execution_error_percent: Option<f64>,
    /// The same of the mean time to the end.
    pub e2e_error_percent: Option<f64>,
}

impl SimulatedRun {
    /// Compares.
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
    /// The study's formula over the lengths of answers, in tokens.
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

    /// What it says in sentences.
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

/// Requests a second that keep one server busy for most of the time, whose answers have so many tokens.
pub fn busy_qps(output_tokens: &[usize], ms_per_token: f64) -> f64 {
    let lengths: Vec<f64> = output_tokens.iter().map(|tokens| *tokens as f64).collect();
    let middle = percentile(&lengths, 50.0).unwrap_or(1.0).max(1.0);
    BUSY / (middle * ms_per_token / 1e3).max(1e-3)
}

#[cfg(feature = "compute")]
pub use run::{SimulateSettings, run};

#[cfg(feature = "compute")]
mod run {
    use crate::fixed_cost::{Arrival, Room, StepCost, serve};
    use crate::experiments::load::{OpenLoop, open_loop};
    use crate::measure::Line;
    use std::sync::Arc;

    use super::{SimulateData, SimulatedRun, busy_qps};
    use crate::bench::random_request;
    use crate::dataset::Dataset;
    use llamaglass_engine::{Engine, EngineError};
    use crate::arrivals::Arrivals;
    use crate::experiments::bare::{self, BareSettings};
    use crate::{LabError, Progress, Watch};
    use llamaglass_engine::scheduler::{Policy, Request};
    use llamaglass_engine::stats::{Record, percentile};
    use llamaglass_engine::timing::StepKind;

    /// Requests of each calibration.
    const CALIBRATION_TOKENS: usize = 12;

    /// Rows and tokens that say what a token takes, before a load is simulated.
    const TRIAL: (usize, usize) = (2, 16);

    /// What is simulated and measured.
    #[derive(Clone, Copy, Debug)]
    pub struct SimulateSettings {
        /// Requests a second; by default as many as keep one server busy for most of the time.
        pub qps: Option<f64>,
        /// The gaps between them.
        pub arrivals: Arrivals,
        /// Seed of the gaps and of the prompts' ids.
        pub seed: u64,
        /// The most tokens of an answer; by default as many as the row's reference answer has.
        pub most_tokens: Option<usize>,
        /// How the engine was loaded to share its steps.
        pub policy: Policy,
    }

    /// A load, in tokens of each prompt and answer.
    struct Lengths<'a> {
        qps: f64,
        how: &'a SimulateSettings,
        rows: Vec<(usize, usize)>,
    }

    /// The study's formula over the lengths of `dataset`, with what a token takes here; the scheduler on a
    /// clock of what steps cost here; and the same load, measured.
    ///
    /// # Errors
    /// [`LabError`].
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

    /// Measures what steps cost, serves the requests on a clock of these costs, and measures the same load.
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
        // Both ends of the run: a machine that others use is not the same all the time.
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

    /// What steps cost by how many rows they have: prompts of two lengths alone, and answers alone and as
    /// many at once as there can be.
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

    /// What a step costs, and each row: neither is less than nothing.
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

    /// From the first step's begin to the first token.
    fn first_ms(record: &Record) -> Option<f64> {
        let first = record.steps.first()?;
        Some(record.first_token_at_ms()? - first.start_ms)
    }

    /// From token to token, in the middle, once all have begun.
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
    fn the_formula_counts_tokens_of_answers() {
        let data = SimulateData::of("d".into(), &[100, 10, 10], 27.0, 0.625);
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(close(data.fifo.infer_s, 3.24), "{data:?}");
        // 1.6 s apart: the first takes 2.7, the others 0.27.
        assert!(close(data.fifo.bubble_s, 2.0 * (1.6 - 0.27)));
        assert!(close(data.fifo.total_s, 3.24) && close(data.fifo.max_wait_s, 2.7));
        let json = serde_json::to_value(&data).expect("serialises");
        assert!(
            json["total_s"].is_number() && json["bubble_s"].is_number(),
            "{json}"
        );
    }
}
