//! Report of `kernels`.

use llamaglass_lab::experiments::kernels::{KernelRow, KernelStep, KernelsData};
use llamaglass_types::timing::StepCost;
use llamaglass_types::{MemoryRate, Roofline};

use super::part::{Item, Part};
use super::sheet::{Cell, Sheet, row};
use crate::plot::{Bar, BarSeries, Bars};
use crate::{Figure, clock, number};

/// Builds the report of the result.
pub fn part(data: &KernelsData) -> Part {
    let how = if data.is_on_device() || data.steps.is_empty() {
        "Each kernel is timed in a pass of its own, which perturbs the timing: the device does not overlap kernels, \
         and the step takes longer. What that costs is in the table of steps."
    } else {
        "Each kernel is timed on the CPU from its start to the end of its last thread. What that costs is in the \
         table of steps."
    };
    let mut items = vec![Item::Note(how.into())];
    items.push(Item::Figures(data.steps.iter().map(figure).collect()));
    items.push(Item::Table(steps(data)));
    for step in &data.steps {
        items.extend([Item::Table(kernels(step)), Item::Details(layers(step))]);
    }
    let mut facts = Vec::new();
    if let Some(roof) = &data.roofline {
        let [memory, compute] = match roof.memory {
            MemoryRate::Copy(_) => ["The device copies", "The device computes"],
            MemoryRate::Read(_) => ["The CPU reads", "The CPU computes"],
        };
        facts.extend([
            (memory, format!("{} GB/s", number(roof.gb_s()))),
            (compute, format!("{} GFLOP/s", number(roof.gflop_s))),
        ]);
        items.push(Item::Table(by_threads(roof)));
    }
    let device = data.device_clock.as_ref().map(clock);
    facts.push((
        "Clock of kernels",
        device.unwrap_or_else(|| "none: the device has no timestamps".into()),
    ));
    Part {
        facts,
        items,
        files: vec![("kernels", file(data))],
    }
}

/// Builds the table of peak rates; it has no rows on a GPU.
fn by_threads(roofline: &Roofline) -> Sheet {
    let rows = roofline
        .by_threads
        .iter()
        .map(|of| row![of.threads, of.read_gb_s, of.gflop_s]);
    let columns = ["threads | reads, GB/s | multiply-adds, GFLOP/s"];
    Sheet::new("Peak rates of the CPU", &columns).with(rows)
}

/// Headings of [`cells`], without the name.
const KERNEL: &str = "launches | time, ms | share, % | encode on the CPU, ms | moved, bytes | GB/s | GFLOP/s | \
    of the roofline, %";

/// Returns the cells of a kernel of `step`, its name last.
fn cells(of: &KernelRow, step: &KernelStep) -> Vec<Cell> {
    row![
        u64::from(of.launches),
        of.device_ms,
        of.share * 100.0,
        encoded(of.encode_ms, step),
        of.bytes,
        of.gb_s,
        of.gflop_s,
        of.roofline_share.map(|share| share * 100.0),
        of.name.clone(),
    ]
}

/// Returns a time for encoding, which only a device needs.
fn encoded(ms: f64, step: &KernelStep) -> Option<f64> {
    step.profile.is_on_device().then_some(ms)
}

fn kernels(step: &KernelStep) -> Sheet {
    let rows = step.kernels.iter().map(|of| {
        let mut row = cells(of, step);
        row.rotate_right(1);
        row
    });
    let title = format!("Kernels of {}, by time", step.profile.kind.name());
    Sheet::new(&title, &["kernel", KERNEL]).with(rows)
}

fn file(data: &KernelsData) -> Sheet {
    let rows = data.steps.iter().flat_map(|step| {
        let kind = step.profile.kind.name();
        step.kernels.iter().map(move |of| {
            let mut row = row![kind];
            row.extend(cells(of, step));
            row
        })
    });
    Sheet::new("kernels", &["step", KERNEL, "kernel"]).with(rows)
}

fn steps(data: &KernelsData) -> Sheet {
    let columns = [
        "step | positions | from position | repeats | kernels, ms | \
        of the roofline, % | wall, ms | encode on the CPU, ms | device, ms | profiled wall, ms | \
        profiled encode on the CPU, ms | profiled device, ms | profiling costs, %",
    ];
    let rows = data.steps.iter().map(|step| {
        let of = &step.profile;
        let cost = |of: &StepCost| row![of.wall_ms, encoded(of.encode_ms, step), of.device_ms];
        let mut row = row![
            of.kind.name(),
            of.tokens,
            of.position,
            of.repeat,
            step.kernels_ms,
            step.roofline_share.map(|share| share * 100.0),
        ];
        row.extend(cost(&of.plain));
        row.extend(cost(&of.profiled));
        row.extend(row![step.profiler_cost_percent]);
        row
    });
    Sheet::new("Steps", &columns).with(rows)
}

/// Builds the table of layers; it has no rows unless layers were profiled.
fn layers(step: &KernelStep) -> Sheet {
    let rows = step.profile.layers.iter().flat_map(|layer| {
        let name = layer
            .layer
            .map_or("around the layers".into(), |index| format!("layer {index}"));
        let whole = row![
            name.clone(),
            "all kernels",
            None::<u64>,
            layer.ms,
            encoded(layer.encode_ms, step)
        ];
        let kernels = layer.kernels.iter().map(move |of| {
            row![
                name.clone(),
                of.name.clone(),
                u64::from(of.launches),
                of.ms,
                encoded(of.encode_ms, step)
            ]
        });
        std::iter::once(whole).chain(kernels)
    });
    let columns = ["layer | kernel | launches | time, ms | encode on the CPU, ms"];
    let title = format!("Layer by layer, {}", step.profile.kind.name());
    Sheet::new(&title, &columns).with(rows)
}

fn figure(step: &KernelStep) -> Figure {
    let bars = |of: fn(&KernelRow) -> f64| {
        step.kernels
            .iter()
            .map(|row| Some(Bar::from(of(row))))
            .collect()
    };
    let series = if step.profile.is_on_device() {
        vec![
            BarSeries::new("on the device", bars(|of| of.device_ms)),
            BarSeries::new(
                "encoding, on the CPU\u{2019}s clock",
                bars(|of| of.encode_ms),
            ),
        ]
    } else {
        vec![BarSeries::new("on the CPU", bars(|of| of.device_ms))]
    };
    let drawing = Bars {
        title: format!("Kernels of {}", step.profile.kind.name()),
        x: "ms/step".into(),
        unit: "ms".into(),
        categories: step.kernels.iter().map(|of| of.name.clone()).collect(),
        series,
        stacked: false,
    };
    let repeat = number(step.profile.repeat as f64);
    Figure::new(
        drawing,
        format!("All launches of a step together; means of {repeat} steps."),
    )
}

#[cfg(test)]
mod tests {
    use llamaglass_lab::Data;
    use llamaglass_types::ThreadRates;
    use llamaglass_types::timing::{
        Clock, ClockSource, KernelTime, LayerTime, StepKind, StepProfile,
    };

    use super::*;
    use crate::lab::fixture::{HOSTILE, Rendered, assert_contains};

    fn kernel(name: &str, ms: f64) -> KernelTime {
        KernelTime {
            kind: StepKind::Decode,
            name: name.into(),
            launches: 30,
            ms,
            bytes: 60_000_000,
            flop: 120_000_000,
            encode_ms: 0.25,
        }
    }

    fn cost(wall_ms: f64) -> StepCost {
        StepCost {
            wall_ms,
            encode_ms: 0.5,
            device_ms: Some(4.5),
        }
    }

    fn profile() -> StepProfile {
        StepProfile {
            kind: StepKind::Decode,
            tokens: 1,
            position: 64,
            repeat: 8,
            kernels: vec![kernel("linear", 3.0), kernel(HOSTILE, 1.0)],
            layers: vec![LayerTime {
                layer: Some(3),
                ms: 0.125,
                encode_ms: 0.0625,
                kernels: vec![kernel("linear", 0.125)],
            }],
            plain: cost(8.0),
            profiled: cost(10.0),
        }
    }

    #[test]
    fn kernels_report_shows_roofline_share() {
        // 60 MB in 3 ms are 20 GB/s out of 40; 120 MFLOP in 3 ms are 40 GFLOP/s out of 400.
        let roof = Roofline {
            memory: MemoryRate::Copy(40.0),
            gflop_s: 400.0,
            by_threads: Vec::new(),
        };
        let shown = Rendered::of(Data::Kernels(KernelsData {
            roofline: Some(roof.clone()),
            steps: vec![KernelStep::of(profile(), Some(&roof))],
            device_clock: Some(Clock {
                source: ClockSource::Device,
                resolution_ms: 0.1,
            }),
        }));
        shown.has_row("linear | 30 | 3 | 75 | 0.250 | 60,000,000 | 20 | 40 | 50");
        // Half of the roofline for 3 ms and 60 of 40 GB/s for 1 ms, over 4 ms.
        shown.has_row("decode | 1 | 64 | 8 | 4 | 75 | 8 | 0.500 | 4.50 | 10 | 0.500 | 4.50 | 25");
        assert_contains(&shown.page, "device timestamps, resolution 0.100000 ms");
        assert_contains(
            &shown.page,
            "<td>linear</td><td>30</td><td>0.125</td><td>0.250</td>",
        );
        assert_contains(
            &shown.page,
            "<summary>Layer by layer, decode: 2 rows</summary>",
        );
        let file = shown.csv("kernels.csv");
        assert_contains(file, "\r\ndecode,30,3,75,0.25,60000000,20,40,50,linear\r\n");
    }

    #[test]
    fn kernels_report_of_a_cpu_has_no_encoding() {
        let mut profile = profile();
        for cost in [&mut profile.plain, &mut profile.profiled] {
            (cost.encode_ms, cost.device_ms) = (0.0, None);
        }
        for kernel in &mut profile.kernels {
            kernel.encode_ms = 0.0;
        }
        // 60 MB in 3 ms are 20 of 40 GB/s with all threads.
        let rates = |threads, read_gb_s, gflop_s| ThreadRates {
            threads,
            read_gb_s,
            gflop_s,
        };
        let roof = Roofline::of_threads(vec![rates(1, 12.0, 100.0), rates(2, 40.0, 200.0)]);
        let shown = Rendered::of(Data::Kernels(KernelsData {
            steps: vec![KernelStep::of(profile, roof.as_ref())],
            roofline: roof,
            device_clock: Some(Clock {
                source: ClockSource::Monotonic,
                resolution_ms: 0.1,
            }),
        }));
        assert_contains(&shown.page, "is timed on the CPU");
        shown.has_row("1 | 12 | 100");
        shown.has_row("2 | 40 | 200");
        assert_contains(&shown.page, "monotonic clock, resolution 0.100000 ms");
        let file = shown.csv("kernels.csv");
        assert_contains(file, "\r\ndecode,30,3,75,,60000000,20,40,50,linear\r\n");
    }

    #[test]
    fn kernels_report_is_written_without_clock_or_kernels() {
        let none = KernelsData {
            roofline: None,
            steps: Vec::new(),
            device_clock: None,
        };
        assert!(Rendered::of(Data::Kernels(none.clone())).files.is_empty());
        let mut profile = profile();
        profile.kernels[0].ms = 0.0;
        profile.kernels[1].ms = 0.0;
        profile.plain.wall_ms = 0.0;
        profile.plain.device_ms = None;
        let steps = vec![KernelStep::of(profile, None)];
        Rendered::of(Data::Kernels(KernelsData { steps, ..none }));
    }
}
