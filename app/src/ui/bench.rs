//! The benchmark's dialog: its settings, progress and results.

use leptos::prelude::*;
use llamaglass_lab::bench::{self, AtPosition, BenchReport, Comparison, Ratio, Settings};
use llamaglass_types::stats::{Named, Range, StepStats};
use llamaglass_types::{Roofline, ThreadRates};

use super::download::download;
use super::meter::{Meter, percent};
use super::modal::Modal;
use super::status::{clock_text, resolution};
use crate::format;
use crate::lab::kernels_unsupported;
use crate::state::{self, Bench, app};

/// Dialog of the benchmark.
#[component]
pub fn BenchDialog() -> impl IntoView {
    let app = app();
    view! {
        <Modal id="bench" classes="dialog bench" title="Benchmark" open=app.bench_open>
            <p class="help">
                "The same runs as "<code>"llamaglass bench"</code>": random prompts, nothing reused, after one warm-up run."
            </p>
            <Form/>
            <div aria-live="polite">
                {move || match app.bench.get() {
                    Bench::Done(report) => view! { <Results report=*report/> }.into_any(),
                    Bench::Failed(why) => {
                        view! { <p class="warning" data-testid="bench-failed">{why}</p> }.into_any()
                    }
                    Bench::Idle | Bench::Running(_) => ().into_any(),
                }}
            </div>
        </Modal>
    }
}

/// Settings of a run, with the button that starts it; while it runs, its progress and the button that stops it.
#[component]
fn Form() -> impl IntoView {
    let app = app();
    let prompt = RwSignal::new(128);
    let generated = RwSignal::new(64);
    let runs = RwSignal::new(5);
    let positions = RwSignal::new(Some(Vec::new()));
    let kernels = RwSignal::new(false);
    let roofline = RwSignal::new(false);
    let without_kernels = move || app.model().and_then(|model| kernels_unsupported(&model));
    let own_kernels = move || app.model().is_some() && without_kernels().is_none();
    let needs = move || match app.server() {
        Some(_) => {
            "The benchmark measures an engine in this page, but a server answers now. Load a model here first."
        }
        None => "Load a model first.",
    };
    let running = move || matches!(app.bench.get(), Bench::Running(_));
    let valid = move || {
        let counts = [prompt, generated, runs].iter().all(|n| n.get() > 0);
        counts && positions.with(Option::is_some)
    };
    let start = move |_| {
        let settings = Settings {
            prompt_tokens: prompt.get_untracked(),
            gen_tokens: generated.get_untracked(),
            repeat: runs.get_untracked(),
            positions: positions.get_untracked().unwrap_or_default(),
            kernels: kernels.get_untracked() && own_kernels(),
            roofline: roofline.get_untracked() && own_kernels(),
            ..Settings::default()
        };
        state::start_bench(app, settings);
    };
    view! {
        <div class="bench-fields">
            <Number id="bench-prompt" label="Prompt tokens" value=prompt/>
            <Number id="bench-generated" label="Generated tokens" value=generated/>
            <Number id="bench-runs" label="Runs" value=runs/>
            <Positions value=positions/>
        </div>
        <Show when=own_kernels>
            <Choice id="bench-kernels" label="Time each kernel" value=kernels/>
            <Choice id="bench-roofline" label="Measure the device's peak rates" value=roofline/>
        </Show>
        {move || without_kernels().map(|why| view! { <p class="help" data-testid="bench-no-kernels">{why}</p> })}
        <Show when=running
            fallback=move || view! {
                <button
                    class="primary"
                    data-testid="bench-start"
                    disabled=move || !app.can_send() || !valid() || app.model().is_none()
                    on:click=start
                >
                    "Run"
                </button>
                <Show when=move || app.model().is_none()>
                    <p class="help" data-testid="bench-needs">{needs}</p>
                </Show>
            }
        >
            <Progress/>
            <button class="secondary" data-testid="bench-stop" on:click=move |_| state::stop_bench(app)>
                "Stop"
            </button>
        </Show>
    }
}

#[component]
fn Number(id: &'static str, label: &'static str, value: RwSignal<usize>) -> impl IntoView {
    // The text stays as typed, because a partial number may become a valid one.
    let typed = RwSignal::new(value.get_untracked().to_string());
    let number = move || typed.with(|typed| typed.trim().parse().ok().filter(|n| *n > 0));
    view! {
        <div class="settings-field" class:invalid=move || number().is_none()>
            <label for=id>{label}</label>
            <input
                id=id
                data-testid=id
                type="text"
                inputmode="numeric"
                autocomplete="off"
                aria-invalid=move || number().is_none().to_string()
                prop:value=move || typed.get()
                on:input=move |event| {
                    typed.set(event_target_value(&event));
                    // 0 is invalid for every number, so nothing can be started with it.
                    value.set(number().unwrap_or(0));
                }
            />
        </div>
    }
}

/// Prompt lengths, separated by commas. `value` is `None` while the text is not such a list.
#[component]
fn Positions(value: RwSignal<Option<Vec<usize>>>) -> impl IntoView {
    let list = |text: &str| {
        let numbers = text.split([',', ' ']).filter(|number| !number.is_empty());
        let number = |text: &str| text.parse().ok().filter(|n| *n > 0);
        numbers.map(number).collect::<Option<Vec<usize>>>()
    };
    view! {
        <div class="settings-field" class:invalid=move || value.with(Option::is_none)>
            <label for="bench-positions">"Context positions to test, such as 100, 1000"</label>
            <input id="bench-positions" data-testid="bench-positions" type="text" inputmode="numeric"
                autocomplete="off" aria-invalid=move || value.with(Option::is_none).to_string()
                on:input=move |event| value.set(list(&event_target_value(&event)))
            />
        </div>
    }
}

#[component]
fn Choice(id: &'static str, label: &'static str, value: RwSignal<bool>) -> impl IntoView {
    view! {
        <label class="bench-choice" for=id>
            <input id=id data-testid=id type="checkbox" prop:checked=move || value.get()
                on:change=move |event| value.set(event_target_checked(&event))
            />
            {label}
        </label>
    }
}

#[component]
fn Progress() -> impl IntoView {
    let app = app();
    let progress = move || match app.bench.get() {
        Bench::Running(progress) => progress,
        _ => bench::Progress::default(),
    };
    let share = move || {
        let progress = progress();
        percent(progress.done, progress.total)
    };
    view! {
        <p class="numbers" data-testid="bench-progress">
            {move || {
                let bench::Progress { what, done, total } = progress();
                let [done, total] = [done, total].map(|tokens| format::count(tokens as u64));
                format!("{what}: {done} of {total} tokens")
            }}
        </p>
        <Meter label="Benchmark" percent=share/>
    }
}

#[component]
fn Results(report: BenchReport) -> impl IntoView {
    let rates = [
        ("prefill tok/s", report.prefill_tok_s),
        ("decode tok/s", report.decode_tok_s),
        ("TTFT, ms", report.ttft_ms),
    ];
    let rows = rates.into_iter().filter_map(|(name, range)| {
        let Range { min, median, max } = range?;
        let cell = |value: f64| view! { <td class="numbers">{format!("{value:.2}")}</td> };
        Some(view! { <tr><th scope="row">{name}</th>{cell(min)}{cell(median)}{cell(max)}</tr> })
    });
    let clock = report.clock.map(clock_text);
    let clock = clock.map(|clock| format!("The engine\u{2019}s {clock}."));
    let device_clock = report.device_clock.map(|clock| {
        format!(
            " On the device: timestamps with a resolution of {}, part of forward.",
            resolution(clock.resolution_ms)
        )
    });
    let what = format!(
        "{} {} on {} ({}), {} prompt and {} generated tokens",
        report.model,
        report.quantisation,
        report.adapter,
        report.api,
        report.settings.prompt_tokens,
        report.settings.gen_tokens,
    );
    let json = serde_json::to_string_pretty(&report).unwrap_or_default();
    view! {
        <section data-testid="bench-results">
            <h3>"Result"</h3>
            <p class="help">{what}</p>
            <table class="bench-table">
                {head(&["", "min", "median", "max"])}
                <tbody>{rows.collect_view()}</tbody>
            </table>
            <table class="bench-table">
                {head(&["ms/step, p50", "prefill", "decode"])}
                <tbody>{stages(&report.prefill, &report.decode)}</tbody>
            </table>
            {at_positions(&report.positions)}
            {kernel_table(&report)}
            {report.comparison.as_ref().map(compared)}
            <p class="help">{clock}{device_clock}</p>
            <button class="secondary" data-testid="bench-download" on:click=move |_| download("llamaglass-bench.json", "application/json", &json)>
                "Download JSON"
            </button>
        </section>
    }
}

/// Head of a table; the column of row names may have none.
pub fn head(names: &[&'static str]) -> impl IntoView + use<> {
    let cell = |name: &&'static str| match *name {
        "" => view! { <th></th> }.into_any(),
        name => view! { <th scope="col">{name}</th> }.into_any(),
    };
    let cells = names.iter().map(cell).collect_view();
    view! { <thead><tr>{cells}</tr></thead> }
}

fn stages(prefill: &StepStats, decode: &StepStats) -> impl IntoView + use<> {
    let row = |name: String, prefill: &Named, decode: &Named| {
        let cell = |ms: f64| view! { <td class="numbers">{format::millis(ms)}</td> };
        view! { <tr><th scope="row">{name}</th>{cell(prefill.ms.p50)}{cell(decode.ms.p50)}</tr> }
    };
    let rows = prefill.stages.iter().zip(&decode.stages);
    let rows = rows.map(|(prefill, decode)| row(prefill.name.clone(), prefill, decode));
    let device = prefill.device.iter().zip(&decode.device);
    let device = device
        .map(|(prefill, decode)| row(format!("on the device: {}", prefill.name), prefill, decode));
    let parts = prefill.parts.iter().zip(&decode.parts);
    let parts = parts
        .map(|(prefill, decode)| row(format!("compute: {}", prefill.label()), prefill, decode));
    (
        rows.collect_view(),
        parts.collect_view(),
        device.collect_view(),
    )
}

fn at_positions(positions: &[AtPosition]) -> Option<impl IntoView + use<>> {
    let rows = positions.iter().map(|at| {
        let name = format::count(at.position as u64);
        let cell = |ms: f64| view! { <td class="numbers">{format::millis(ms)}</td> };
        view! { <tr><th scope="row">{name}</th>{cell(at.tpot_ms.p50)}{cell(at.tpot_ms.p95)}</tr> }
    });
    let rows = rows.collect_view();
    (!positions.is_empty()).then(|| {
        view! {
            <table class="bench-table" data-testid="bench-at-positions">
                {head(&["ms/token at position", "p50", "p95"])}
                <tbody>{rows}</tbody>
            </table>
        }
    })
}

fn kernel_table(report: &BenchReport) -> impl IntoView + use<> {
    let rows = report.kernels.iter().map(|kernel| {
        let rate = |rate: Option<f64>, unit: &str| {
            rate.map_or_else(String::new, |rate| format!("{rate:.2} {unit}"))
        };
        let name = format!("{} {}", kernel.kind.name(), kernel.name);
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td class="numbers">{kernel.launches}</td>
                <td class="numbers">{format::millis(kernel.ms)}</td>
                <td class="numbers">{rate(kernel.gb_s(), "GB/s")}</td>
                <td class="numbers">{rate(kernel.gflop_s(), "GFLOP/s")}</td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    let table = (!report.kernels.is_empty()).then(|| {
        view! {
            <div class="bench-wide" tabindex="0" role="region" aria-label="Kernels">
                <table class="bench-table" data-testid="bench-kernel-table">
                    {head(&["kernel", "launches", "ms/step", "memory", "compute"])}
                    <tbody>{rows}</tbody>
                </table>
            </div>
            <p class="help">
                {report.device_clock.map(|_| "Each kernel runs in its own pass on the device\u{2019}s clock, which slows it down. ")}
                "Rates count the least data and operations that each kernel needs."
            </p>
        }
    });
    let roofline = report.roofline.as_ref().map(|used| {
        let text = format!(
            "Roofline utilization: decode reads {:.2} GB/s, {:.0} % of a {}\u{2019}s {:.2}; prefill computes {:.1} GFLOP/s, {:.0} % of the peak {:.1}.",
            used.decode_gb_s,
            100.0 * used.decode_share,
            used.roofline.memory.noun(),
            used.roofline.gb_s(),
            used.prefill_gflop_s,
            100.0 * used.prefill_share,
            used.roofline.gflop_s,
        );
        view! {
            <p class="help" data-testid="bench-roof">{text}</p>
            {peak_rates(&used.roofline)}
        }
    });
    (table, roofline)
}

/// Table of the CPU's peak rates by number of threads; a GPU has none.
fn peak_rates(roofline: &Roofline) -> Option<impl IntoView + use<>> {
    let row = |rates: &ThreadRates| {
        let cell = |rate: String| view! { <td class="numbers">{rate}</td> };
        view! {
            <tr>
                <th scope="row">{rates.threads}</th>
                {cell(format!("{:.2} GB/s", rates.read_gb_s))}
                {cell(format!("{:.1} GFLOP/s", rates.gflop_s))}
            </tr>
        }
    };
    let rows = roofline.by_threads.iter().map(row).collect_view();
    (!roofline.by_threads.is_empty()).then(|| {
        view! {
            <table class="bench-table" data-testid="bench-peak-rates">
                {head(&["threads", "read", "multiply-adds"])}
                <tbody>{rows}</tbody>
            </table>
        }
    })
}

fn compared(comparison: &Comparison) -> impl IntoView + use<> {
    let ratios = [
        ("Prefill", comparison.prefill),
        ("Decode", comparison.decode),
    ];
    let lines = ratios.into_iter().filter_map(|(name, ratio)| {
        let ratio: Ratio = ratio?;
        let verdict = match ratio.is_certain() {
            true => "",
            false => ": no difference measured, because the runs overlap",
        };
        let times = ratio.of_medians;
        let text = format!("{name}: {times:.2} times the previous run{verdict}.");
        Some(view! { <li>{text}</li> })
    });
    let differs = comparison.differs.iter().map(|what| {
        view! { <li>{format!("Different {what}.")}</li> }
    });
    view! {
        <ul class="help" data-testid="bench-compared">
            {differs.collect_view()}
            {lines.collect_view()}
        </ul>
    }
}
