//! Report of `simulate`.

use llamaglass_lab::StubLevel;
use llamaglass_lab::experiments::simulate::{SimulateData, SimulatedRun};
use llamaglass_types::stats::Distribution;

use super::part::{Item, Part};
use super::sheet::{Sheet, row};
use crate::plot::{Chart, Mark, Series};
use crate::{Figure, number};

/// Builds the report of the result.
pub fn part(data: &SimulateData) -> Part {
    let mut part = Part {
        facts: vec![
            ("Dataset", data.dataset.clone()),
            ("Answers of known length", number(data.requests as f64)),
            (
                "Token time in the formula",
                format!("{} ms", number(data.ms_per_token)),
            ),
            ("Rate", format!("{} requests/s", number(data.qps))),
        ],
        items: vec![Item::Table(formula(data))],
        files: Vec::new(),
    };
    let Some(run) = &data.scheduler else {
        return part;
    };
    part.facts.push((
        "The scheduler\u{2019}s room",
        format!(
            "{} requests at once, {} prompt ids a step, {} positions of the cache",
            run.room.batch, run.room.prefill_chunk, run.room.kv_positions
        ),
    ));
    if run.stub != StubLevel::Whole {
        let note = format!(
            "The measured run used stub level {}: the path of requests ends {}. Not a real answer.",
            run.stub,
            run.stub.place()
        );
        part.items.push(Item::Note(note));
    }
    let requests = requests(run);
    part.items.extend([
        Item::Figures(vec![figure(run)]),
        Item::Table(comparison(run)),
        Item::Table(costs(run)),
        Item::Table(requests.clone()),
    ]);
    part.files.push(("simulate", requests));
    part
}

fn formula(data: &SimulateData) -> Sheet {
    let columns = [" | requests | computing, s | bubbles, s | in all, s | longest wait, s"];
    let fifo = &data.fifo;
    let row = row![
        "one server, first come, first served",
        data.requests,
        fifo.infer_s,
        fifo.bubble_s,
        fifo.total_s,
        fifo.max_wait_s,
    ];
    Sheet::new("The study\u{2019}s formula", &columns).with([row])
}

fn comparison(run: &SimulatedRun) -> Sheet {
    let measured = &run.measured;
    let (simulated_e2e, measured_e2e) = (run.simulated_e2e_ms, measured.e2e_ms);
    let e2e = |part: fn(&Distribution) -> f64| {
        [simulated_e2e, measured_e2e].map(|of| of.as_ref().map(part))
    };
    let row = |name: &str, [simulated, measured]: [Option<f64>; 2], error: Option<f64>| {
        row![name, simulated, measured, error]
    };
    let execution = [Some(run.simulated_execution_s), measured.execution_s];
    let columns = ["", "simulated", "measured", "simulated is longer by, %"];
    Sheet::new("Simulated and measured", &columns).with([
        row("execution, s", execution, run.execution_error_percent),
        row(
            "end to end mean, ms",
            e2e(|of| of.mean),
            run.e2e_error_percent,
        ),
        row("end to end p50, ms", e2e(|of| of.p50), None),
        row("end to end p90, ms", e2e(|of| of.p90), None),
        row("end to end p99, ms", e2e(|of| of.p99), None),
    ])
}

fn costs(run: &SimulatedRun) -> Sheet {
    let cost = &run.cost;
    Sheet::new("What steps cost", &["step", "ms/step", "ms/position more"]).with([
        row!["prefill", cost.prefill_step_ms, cost.prefill_row_ms],
        row!["decode", cost.decode_step_ms, cost.decode_row_ms],
    ])
}

fn requests(run: &SimulatedRun) -> Sheet {
    let columns = [
        "request | comes at, ms | prompt, tokens | answer, tokens | \
        first token at, ms | end at, ms",
    ];
    let rows = run.arrivals.iter().zip(&run.simulated).enumerate();
    let rows = rows.map(|(index, (arrival, served))| {
        row![
            index + 1,
            arrival.at_ms,
            arrival.input_tokens,
            arrival.output_tokens,
            served.first_token_ms,
            served.end_ms,
        ]
    });
    Sheet::new("Simulated requests", &columns).with(rows)
}

fn figure(run: &SimulatedRun) -> Figure {
    let mut ends: Vec<f64> = run.simulated.iter().map(|of| of.end_ms / 1e3).collect();
    ends.sort_by(f64::total_cmp);
    let mut comes: Vec<f64> = run.arrivals.iter().map(|of| of.at_ms / 1e3).collect();
    comes.sort_by(f64::total_cmp);
    let series = |name: &str, times: Vec<f64>| {
        let points = times.into_iter().enumerate();
        Series::new(
            name,
            Mark::LineWithPoints,
            points.map(|(index, at)| (at, (index + 1) as f64)).collect(),
        )
    };
    let mut series = vec![
        series("have come", comes),
        series("have ended, simulated", ends),
    ];
    let begin = run
        .arrivals
        .first()
        .map_or(0.0, |arrival| arrival.at_ms / 1e3);
    if let Some(execution) = run.measured.execution_s {
        series.push(Series::new(
            "have ended, measured",
            Mark::Points,
            vec![(begin + execution, run.measured.completed as f64)],
        ));
    }
    let drawing = Chart::new(
        "When requests come and end",
        "s since the start",
        "requests",
        series,
    );
    Figure::new(
        drawing,
        "The measured run only records the end of its last request.",
    )
}

#[cfg(test)]
mod tests {
    use llamaglass_lab::experiments::load::LoadRun;
    use llamaglass_lab::fixed_cost::{Arrival, Room, Served, StepCost};
    use llamaglass_lab::{Arrivals, Data};
    use llamaglass_types::Policy;

    use super::*;
    use crate::lab::fixture::{HOSTILE, Rendered};

    fn run() -> SimulatedRun {
        let arrival = |at_ms| Arrival {
            at_ms,
            input_tokens: 8,
            output_tokens: 16,
        };
        let served = |first_token_ms, end_ms| Served {
            first_token_ms,
            end_ms,
        };
        let cost = StepCost {
            prefill_step_ms: 2.5,
            prefill_row_ms: 0.25,
            decode_step_ms: 4.5,
            decode_row_ms: 0.75,
        };
        let room = Room {
            batch: 4,
            prefill_chunk: 512,
            kv_positions: 4096,
            policy: Policy::PrefillFirst,
        };
        let measured = LoadRun {
            qps: 10.0,
            duration_s: 0.2,
            arrivals: Arrivals::Constant,
            stream: true,
            requested: 2,
            completed: 2,
            execution_s: Some(0.5),
            tokens: 32,
            ms_per_token: None,
            ttft_ms: None,
            e2e_ms: Distribution::of(&[200.0, 200.0]),
            itl_ms: None,
            queue_ms: None,
            client_floor_ms: None,
            errors: Vec::new(),
        };
        SimulatedRun::of(
            StubLevel::Forward,
            cost,
            room,
            vec![arrival(0.0), arrival(100.0)],
            vec![served(12.5, 200.0), served(112.5, 400.0)],
            measured,
        )
    }

    #[test]
    fn simulate_report_shows_formula_and_simulated_next_to_measured_run() {
        // 10 and 30 tokens at 10 ms each take 100 and 300 ms; two requests arrive per second.
        let mut data = SimulateData::of(HOSTILE.into(), &[10, 30], 10.0, 2.0);
        data.scheduler = Some(run());
        let shown = Rendered::of(Data::Simulate(Box::new(data)));
        shown.has_row("one server, first come, first served | 2 | 0.400 | 0.600 | 0.500 | 0.100");
        shown.has_row("execution, s | 0.400 | 0.500 | -20.0");
        // The requests take 200 and 300 ms.
        shown.has_row("end to end mean, ms | 250 | 200 | 25");
        shown.has_row("decode | 4.50 | 0.750");
        assert!(shown.page.contains("stub level 5") && shown.page.contains("Not a real answer"));
        assert!(
            shown
                .csv("simulate.csv")
                .ends_with("\r\n2,100,8,16,112.5,400\r\n")
        );
    }

    #[test]
    fn simulate_report_shows_formula_alone_without_model() {
        assert!(
            Rendered::of(Data::Simulate(Box::default()))
                .files
                .is_empty()
        );
        let mut run = run();
        run.measured.execution_s = None;
        run.measured.e2e_ms = None;
        run.execution_error_percent = None;
        run.e2e_error_percent = None;
        let scheduler = Some(run);
        Rendered::of(Data::Simulate(Box::new(SimulateData {
            scheduler,
            ..SimulateData::default()
        })));
    }
}
