//! Compares two runs of an experiment; pure.

use llamaglass_lab::experiments::chain::ChainNode;
use llamaglass_lab::{Data, Estimate, LabResult, Machine};
use llamaglass_types::stats::Distribution;

use super::{LabSettings, fields};

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

/// Compares the later of two runs with the earlier one, each with the settings it was run with.
pub fn compare(before: (&LabResult, &LabSettings), now: (&LabResult, &LabSettings)) -> Comparison {
    let earlier = figures(&before.0.data);
    let lines = figures(&now.0.data).into_iter().filter_map(|now| {
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
        None => "one value each, no interval",
        Some((before, now)) if before.1 < now.0 => "larger",
        Some((before, now)) if now.1 < before.0 => "smaller",
        Some(_) => "no difference measured",
    }
}

fn differs(before: (&LabResult, &LabSettings), now: (&LabResult, &LabSettings)) -> Vec<String> {
    let mut differs = Vec::new();
    let mut told = |what: &str, before: String, now: String| {
        if before != now {
            differs.push(format!("{what}: {before} before, {now} now"));
        }
    };
    let of = |result: &LabResult, what: Fact| {
        let machine = result.machine.as_ref();
        machine.map_or_else(|| "none".into(), what)
    };
    let facts: [(&str, Fact); 7] = [
        ("model", |of| format!("{} {}", of.model, of.quantisation)),
        ("adapter", |of| format!("{} ({})", of.adapter, of.api)),
        ("driver", |of| of.driver.clone()),
        ("path", |of| {
            format!("{} {}", of.path, of.variant.clone().unwrap_or_default())
        }),
        ("context", |of| of.context_length.to_string()),
        ("requests at once", |of| of.batch.to_string()),
        ("stub level", |of| of.stub.to_string()),
    ];
    for (what, fact) in facts {
        told(what, of(before.0, fact), of(now.0, fact));
    }
    told("program", before.0.program.clone(), now.0.program.clone());
    let resolution = |result: &LabResult| format!("{:?} ms", result.clock.resolution_ms);
    told(
        "clock\u{2019}s steps",
        resolution(before.0),
        resolution(now.0),
    );
    for field in fields(now.0.data.experiment()) {
        told(field.label(), before.1.chosen(*field), now.1.chosen(*field));
    }
    differs
}

fn figures(data: &Data) -> Vec<Figure> {
    let mut all = Vec::new();
    let plain = |name: &str, value: f64| Figure {
        name: name.to_owned(),
        value,
        interval: None,
    };
    let estimated = |name: String, of: &Estimate| Figure {
        name,
        value: of.median,
        interval: of.has_interval().then_some((of.low, of.high)),
    };
    match data {
        Data::Stats(data) => all.extend([
            plain("rows", data.rows as f64),
            plain("prompt, median tokens", data.input_tokens.median),
            plain("prompt, most tokens", data.input_tokens.max as f64),
            plain("answer, median tokens", data.output_tokens.median),
            plain("longest row, tokens", data.longest as f64),
        ]),
        Data::Bare(data) => {
            all.push(plain("ms/token", data.ms_per_token));
            all.push(estimated("ms/request".into(), &data.request_ms));
            if let Some(fit) = &data.fit {
                all.push(plain("fit: ms/token", fit.slope));
                all.push(plain("fit: ms/request besides", fit.intercept));
            }
        }
        Data::Ladder(data) => {
            for layer in &data.layers {
                let name = format!("{}: ms/token", layer.layer.name);
                all.push(estimated(name, &layer.ms_per_token));
            }
        }
        Data::Load(data) => {
            for run in &data.runs {
                let at = format!("{} a second", run.qps);
                let mut middle = |what: &str, of: &Option<Distribution>| {
                    if let Some(of) = of {
                        all.push(plain(&format!("{at}: {what}, median ms"), of.p50));
                        all.push(plain(&format!("{at}: {what}, p99 ms"), of.p99));
                    }
                };
                middle("first token", &run.ttft_ms);
                middle("end", &run.e2e_ms);
                middle("token to token", &run.itl_ms);
                all.push(plain(&format!("{at}: answered"), run.completed as f64));
            }
        }
        Data::Parity(data) => {
            all.push(plain("rows with the same tokens", data.same_ids as f64));
            let largest = data.max_abs;
            all.extend(largest.map(|of| plain("largest difference of a logit", of)));
        }
        Data::Chain(data) => chain(&data.tree, "", &mut all),
        Data::Ablate(data) => {
            for effect in &data.switches {
                let name = format!("{}: ms/request", effect.switch.title());
                all.push(estimated(name, &effect.whole_ms.difference));
            }
        }
        Data::Simulate(data) => {
            all.push(plain("ms/token", data.ms_per_token));
            all.push(plain("formula: total s", data.fifo.total_s));
            all.push(plain("formula: longest wait s", data.fifo.max_wait_s));
            if let Some(run) = &data.scheduler {
                all.push(plain("scheduler: simulated s", run.simulated_execution_s));
                all.extend(run.measured.execution_s.map(|s| plain("measured s", s)));
            }
        }
        Data::Stub(data) => {
            for level in &data.levels {
                let how = if level.stream { "streamed" } else { "whole" };
                let name = format!("level {}, {how}: ms/request", level.level);
                all.push(estimated(name, &level.request_ms));
            }
        }
        Data::Kernels(data) => {
            for step in &data.steps {
                let kind = step.profile.kind.name();
                all.push(plain(&format!("{kind}: ms of kernels"), step.kernels_ms));
                let share = step.roofline_share;
                all.extend(share.map(|of| plain(&format!("{kind}: share of the roofline"), of)));
            }
        }
    }
    all
}

/// Adds the mean of every span in the tree, named by its path.
fn chain(node: &ChainNode, above: &str, all: &mut Vec<Figure>) {
    let path = match above {
        "" => node.name.clone(),
        above => format!("{above} / {}", node.name),
    };
    all.push(Figure {
        name: format!("{path}: mean ms"),
        value: node.mean_ms,
        interval: None,
    });
    for child in &node.children {
        chain(child, &path, all);
    }
}

#[cfg(test)]
mod tests {
    use llamaglass_lab::Experiment;
    use llamaglass_lab::experiments::ladder::{LadderData, LadderSettings, Layer};
    use llamaglass_lab::experiments::lengths::StatsData;

    use super::*;

    fn ladder(taken: [f64; 3]) -> LabResult {
        let settings = LadderSettings {
            prompt: "p".into(),
            lengths: vec![1],
            repeats: 3,
        };
        let bare = Layer {
            name: "bare".into(),
            adds: String::new(),
        };
        let data = LadderData::of(settings, vec![bare], &[vec![taken.to_vec()]]);
        LabResult::now(None, 0, Data::Ladder(data))
    }

    #[test]
    fn overlapping_intervals_mean_no_difference() {
        let settings = LabSettings::of(Experiment::Ladder);
        let verdict = |now: [f64; 3]| {
            let (before, now) = (ladder([10.0, 11.0, 12.0]), ladder(now));
            let of = compare((&before, &settings), (&now, &settings));
            assert_eq!(of.differs, Vec::<String>::new());
            (of.lines[0].verdict, of.lines[0].ratio)
        };
        let (words, ratio) = verdict([11.0, 12.0, 13.0]);
        assert_eq!(words, "no difference measured");
        assert!((ratio.expect("not 0") - 12.0 / 11.0).abs() < 1e-9);
        assert_eq!(verdict([20.0, 21.0, 22.0]).0, "larger");
        assert_eq!(verdict([1.0, 2.0, 3.0]).0, "smaller");
    }

    #[test]
    fn changed_settings_are_listed_and_single_values_have_no_interval() {
        let result = |rows| {
            let data = StatsData::of_lengths("d".into(), vec![(4, Some(2)); rows]);
            LabResult::now(None, 0, Data::Stats(data))
        };
        let before = LabSettings::of(Experiment::Stats);
        let now = LabSettings {
            rows: 3,
            ..before.clone()
        };
        let of = compare((&result(2), &before), (&result(3), &now));
        assert_eq!(of.differs, ["Rows (0: all): 0 before, 3 now"]);
        assert_eq!(of.lines[0].verdict, "one value each, no interval");
        assert_eq!(of.lines[0].ratio, Some(1.5));
    }
}
