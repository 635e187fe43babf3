//! Compares two runs of an experiment; pure.

use llamaglass_lab::experiments::chain::ChainNode;
use llamaglass_lab::experiments::kernels::KernelStep;
use llamaglass_lab::experiments::load::LoadRun;
use llamaglass_lab::experiments::simulate::SimulateData;
use llamaglass_lab::{Data, Estimate, LabResult, Machine};
use llamaglass_session::lab::fields;

use super::CompletedRun;

/// Comparison of two runs of one experiment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Conditions that were not the same, in words.
    pub differs: Vec<String>,
    /// Figures that both runs have.
    pub lines: Vec<Line>,
}

/// A figure of both runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Name with its unit.
    pub name: String,
    /// Value in the earlier run.
    pub before: f64,
    /// Value in the later run.
    pub now: f64,
    /// Later value divided by the earlier; `None` if the earlier is 0.
    pub ratio: Option<f64>,
    /// Conclusion from the two intervals.
    pub verdict: &'static str,
}

/// Describes one property of a machine.
type Fact = fn(&Machine) -> String;

/// A figure of a result, with its 95 % interval if it has one.
struct Figure {
    name: String,
    value: f64,
    interval: Option<(f64, f64)>,
}

/// Compares the later of two runs with the earlier one.
pub fn compare(before: &CompletedRun, now: &CompletedRun) -> Comparison {
    let earlier = figures(&before.result.data);
    let later = figures(&now.result.data);
    let lines = later.into_iter().filter_map(|now| {
        let before = earlier.iter().find(|before| before.name == now.name)?;
        Some(Line {
            ratio: (before.value != 0.0).then(|| now.value / before.value),
            before: before.value,
            now: now.value,
            verdict: verdict(before.interval, now.interval),
            name: now.name,
        })
    });
    Comparison {
        differs: differs(before, now),
        lines: lines.collect(),
    }
}

fn verdict(before: Option<(f64, f64)>, now: Option<(f64, f64)>) -> &'static str {
    match before.zip(now) {
        None => "single values, no interval",
        Some((before, now)) if before.1 < now.0 => "larger",
        Some((before, now)) if now.1 < before.0 => "smaller",
        Some(_) => "no difference measured",
    }
}

/// Describes the conditions that differ between two runs.
fn differs(before: &CompletedRun, now: &CompletedRun) -> Vec<String> {
    let mut differs = Vec::new();
    let mut check = |what: &str, before: String, now: String| {
        if before != now {
            differs.push(format!("{what}: {before} before, {now} now"));
        }
    };
    let facts: [(&str, Fact); 9] = [
        ("model", |m| format!("{} {}", m.model, m.quantisation)),
        ("adapter", |m| format!("{} ({})", m.adapter, m.api)),
        ("driver", |m| m.driver.clone()),
        ("path", |m| {
            format!("{} {}", m.path, m.variant.clone().unwrap_or_default())
        }),
        ("instruction set", |m| {
            m.instruction_set.clone().unwrap_or_default()
        }),
        ("threads", |m| m.threads.unwrap_or_default().to_string()),
        ("context", |m| m.context_length.to_string()),
        ("batch size", |m| m.batch.to_string()),
        ("stub level", |m| m.stub.to_string()),
    ];
    let (earlier, later) = (&before.result, &now.result);
    for (what, fact) in facts {
        let describe = |result: &LabResult| {
            let machine = result.machine.as_ref();
            machine.map_or_else(|| "none".into(), fact)
        };
        check(what, describe(earlier), describe(later));
    }
    check("program", earlier.program.clone(), later.program.clone());
    let resolution = |result: &LabResult| format!("{:?} ms", result.clock.resolution_ms);
    check("clock resolution", resolution(earlier), resolution(later));
    for field in fields(later.data.experiment()) {
        check(
            field.label(),
            before.settings.chosen(*field),
            now.settings.chosen(*field),
        );
    }
    differs
}

impl Figure {
    fn new(name: impl Into<String>, value: f64) -> Self {
        Self {
            name: name.into(),
            value,
            interval: None,
        }
    }

    fn estimated(name: impl Into<String>, estimate: &Estimate) -> Self {
        Self {
            name: name.into(),
            value: estimate.median,
            interval: estimate
                .has_interval()
                .then_some((estimate.low, estimate.high)),
        }
    }
}

/// Returns the figures of a result that can be compared.
fn figures(data: &Data) -> Vec<Figure> {
    match data {
        Data::Stats(data) => vec![
            Figure::new("rows", data.rows as f64),
            Figure::new("median prompt tokens", data.input_tokens.median),
            Figure::new("max prompt tokens", data.input_tokens.max as f64),
            Figure::new("median answer tokens", data.output_tokens.median),
            Figure::new("max tokens per row", data.longest as f64),
        ],
        Data::Bare(data) => {
            let mut figures = vec![
                Figure::new("ms/token", data.ms_per_token),
                Figure::estimated("ms/request", &data.request_ms),
            ];
            if let Some(fit) = &data.fit {
                figures.push(Figure::new("fit: ms/token", fit.slope));
                figures.push(Figure::new("fit: fixed ms/request", fit.intercept));
            }
            figures
        }
        Data::Ladder(data) => {
            let figures = data.layers.iter().map(|layer| {
                let name = format!("{}: ms/token", layer.layer.name);
                Figure::estimated(name, &layer.ms_per_token)
            });
            figures.collect()
        }
        Data::Load(data) => data.runs.iter().flat_map(load_figures).collect(),
        Data::Parity(data) => {
            let mut figures = vec![Figure::new(
                "rows with the same tokens",
                data.same_ids as f64,
            )];
            let largest = data.max_abs;
            figures.extend(largest.map(|value| Figure::new("largest logit difference", value)));
            figures
        }
        Data::Chain(data) => {
            let mut figures = Vec::new();
            add_spans(&data.tree, "", &mut figures);
            figures
        }
        Data::Ablate(data) => {
            let figures = data.switches.iter().map(|effect| {
                let name = format!("{}: ms/request", effect.switch.title());
                Figure::estimated(name, &effect.whole_ms.difference)
            });
            figures.collect()
        }
        Data::Simulate(data) => simulate_figures(data),
        Data::Stub(data) => {
            let figures = data.levels.iter().map(|level| {
                let how = if level.stream { "streamed" } else { "whole" };
                let name = format!("level {}, {how}: ms/request", level.level);
                Figure::estimated(name, &level.request_ms)
            });
            figures.collect()
        }
        Data::Kernels(data) => data.steps.iter().flat_map(kernel_figures).collect(),
    }
}

fn load_figures(run: &LoadRun) -> Vec<Figure> {
    let rate = format!("{} requests per second", run.qps);
    let mut figures = Vec::new();
    for (what, distribution) in [
        ("TTFT", &run.ttft_ms),
        ("end to end", &run.e2e_ms),
        ("ITL", &run.itl_ms),
    ] {
        if let Some(distribution) = distribution {
            let named = |percentile: &str| format!("{rate}: {what}, {percentile} ms");
            figures.push(Figure::new(named("p50"), distribution.p50));
            figures.push(Figure::new(named("p99"), distribution.p99));
        }
    }
    let completed = format!("{rate}: completed requests");
    figures.push(Figure::new(completed, run.completed as f64));
    figures
}

fn simulate_figures(data: &SimulateData) -> Vec<Figure> {
    let mut figures = vec![
        Figure::new("ms/token", data.ms_per_token),
        Figure::new("formula: total s", data.fifo.total_s),
        Figure::new("formula: longest wait s", data.fifo.max_wait_s),
    ];
    if let Some(run) = &data.scheduler {
        let simulated = run.simulated_execution_s;
        figures.push(Figure::new("scheduler: simulated s", simulated));
        let measured = run.measured.execution_s;
        figures.extend(measured.map(|s| Figure::new("measured s", s)));
    }
    figures
}

fn kernel_figures(step: &KernelStep) -> Vec<Figure> {
    let kind = step.profile.kind.name();
    let mut figures = vec![Figure::new(format!("{kind}: kernels, ms"), step.kernels_ms)];
    let utilization = step.roofline_share;
    figures.extend(
        utilization.map(|share| Figure::new(format!("{kind}: roofline utilization"), share)),
    );
    figures
}

/// Adds the mean of every span in the tree, named by its path.
fn add_spans(node: &ChainNode, parent: &str, figures: &mut Vec<Figure>) {
    let path = match parent {
        "" => node.name.clone(),
        parent => format!("{parent} / {}", node.name),
    };
    let name = format!("{path}: mean ms");
    figures.push(Figure::new(name, node.mean_ms));
    for child in &node.children {
        add_spans(child, &path, figures);
    }
}

#[cfg(test)]
mod tests {
    use llamaglass_lab::Experiment;
    use llamaglass_lab::experiments::ladder::{LadderData, LadderSettings, Layer};
    use llamaglass_lab::experiments::lengths::StatsData;
    use llamaglass_session::lab::LabSettings;

    use super::*;

    fn run(data: Data, settings: LabSettings) -> CompletedRun {
        CompletedRun {
            result: LabResult::now(None, 0, data),
            settings,
            records: Vec::new(),
        }
    }

    fn ladder(times_ms: [f64; 3]) -> CompletedRun {
        let settings = LadderSettings {
            prompt: "p".into(),
            lengths: vec![1],
            repeats: 3,
        };
        let bare = Layer {
            name: "bare".into(),
            adds: String::new(),
        };
        let data = LadderData::of(settings, vec![bare], &[vec![times_ms.to_vec()]]);
        run(Data::Ladder(data), LabSettings::of(Experiment::Ladder))
    }

    #[test]
    fn overlapping_intervals_mean_no_difference() {
        let verdict = |now: [f64; 3]| {
            let comparison = compare(&ladder([10.0, 11.0, 12.0]), &ladder(now));
            assert_eq!(comparison.differs, Vec::<String>::new());
            (comparison.lines[0].verdict, comparison.lines[0].ratio)
        };
        let (text, ratio) = verdict([11.0, 12.0, 13.0]);
        assert_eq!(text, "no difference measured");
        assert!((ratio.expect("not 0") - 12.0 / 11.0).abs() < 1e-9);
        assert_eq!(verdict([20.0, 21.0, 22.0]).0, "larger");
        assert_eq!(verdict([1.0, 2.0, 3.0]).0, "smaller");
    }

    #[test]
    fn changed_settings_are_listed_and_single_values_have_no_interval() {
        let stats = |rows, settings: &LabSettings| {
            let data = StatsData::of_lengths("d".into(), vec![(4, Some(2)); rows]);
            run(Data::Stats(data), settings.clone())
        };
        let before = LabSettings::of(Experiment::Stats);
        let now = LabSettings {
            rows: 3,
            ..before.clone()
        };
        let comparison = compare(&stats(2, &before), &stats(3, &now));
        assert_eq!(comparison.differs, ["Rows (0: all): 0 before, 3 now"]);
        assert_eq!(comparison.lines[0].verdict, "single values, no interval");
        assert_eq!(comparison.lines[0].ratio, Some(1.5));
    }
}
