//! `simulate`: a queueing formula over a dataset's lengths, and the scheduler on a clock of fixed step costs.

use serde::{Deserialize, Serialize};

use super::load::LoadRun;
use crate::fifo::Fifo;
use crate::finding::{Finding, Sentence};
use crate::fixed_cost::{Arrival, Room, Served, StepCost};
use llamaglass_types::stats::{Distribution, percentile};

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
    pub stub: crate::StubLevel,
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
        stub: crate::StubLevel,
        cost: StepCost,
        room: Room,
        arrivals: Vec<Arrival>,
        simulated: Vec<Served>,
        measured: LoadRun,
    ) -> Self {
        let begin = arrivals.first().map_or(0.0, |arrival| arrival.at_ms);
        let end = simulated.iter().map(|of| of.end_ms).fold(begin, f64::max);
        let pairs = simulated.iter().zip(&arrivals);
        let e2e = pairs.map(|(of, at)| of.end_ms - at.at_ms);
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
            Sentence::new("A single server at ")
                .number("/ms_per_token", self.ms_per_token)
                .text(" ms/token and ")
                .number("/qps", self.qps)
                .text(" requests per second computes for ")
                .number("/infer_s", self.fifo.infer_s)
                .text(" s and finishes after ")
                .number("/total_s", self.fifo.total_s)
                .text(" s; a request waits at most ")
                .number("/max_wait_s", self.fifo.max_wait_s)
                .end(" s."),
        ];
        if let Some(run) = &self.scheduler
            && let Some(error) = run.execution_error_percent
            && let Some(measured) = run.measured.execution_s
        {
            let simulated = run.simulated_execution_s;
            let said = Sentence::new("With fixed step costs, the simulated scheduler takes ")
                .number("/scheduler/simulated_execution_s", simulated)
                .text(" s; ")
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
        assert!(json["total_s"].is_number(), "{json}");
    }
}
