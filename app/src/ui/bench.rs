//! The benchmark, in a dialog: what to run, how far it is, what came of it.

use leptos::html::Dialog;
use leptos::prelude::*;
use llamaglass_engine::bench::{BenchReport, Comparison, Ratio, Settings};
use llamaglass_engine::stats::{Named, Range, StepStats};
use wasm_bindgen::JsCast;

use super::header::Icon;
use super::settings::follow;
use super::status::resolution;
use crate::format;
use crate::state::{self, Bench, app};

/// The dialog.
#[component]
pub fn BenchDialog() -> impl IntoView {
    let app = app();
    let dialog = NodeRef::<Dialog>::new();
    follow(dialog, app.bench_open);
    let prompt = RwSignal::new(128);
    let generated = RwSignal::new(64);
    let runs = RwSignal::new(5);
    let running = move || matches!(app.bench.get(), Bench::Running { .. });
    let start = move |_| {
        let settings = Settings {
            prompt_tokens: prompt.get_untracked(),
            gen_tokens: generated.get_untracked(),
            repeat: runs.get_untracked(),
            ..Settings::default()
        };
        state::start_bench(app, settings);
    };
    view! {
        <dialog
            class="dialog bench"
            aria-labelledby="bench-title"
            node_ref=dialog
            on:close=move |_| app.bench_open.set(false)
        >
            <div class="dialog-head">
                <h2 id="bench-title">"Benchmark"</h2>
                <button class="tool" aria-label="Close" on:click=move |_| app.bench_open.set(false)>
                    <Icon path="M6 6l12 12M18 6L6 18"/>
                </button>
            </div>
            <div class="dialog-body">
                <p class="help">
                    "The runs of "<code>"llamaglass bench"</code>", here: random prompts of random ids, nothing reused, one run before that does not count."
                </p>
                <div class="bench-fields">
                    <Number id="bench-prompt" label="Prompt tokens" value=prompt/>
                    <Number id="bench-generated" label="Generated tokens" value=generated/>
                    <Number id="bench-runs" label="Runs" value=runs/>
                </div>
                <Show
                    when=running
                    fallback=move || view! {
                        <button
                            class="primary"
                            data-testid="bench-start"
                            disabled=move || !app.can_send() || [prompt, generated, runs].iter().any(|n| n.get() == 0)
                            on:click=start
                        >
                            "Run"
                        </button>
                        <Show when=move || app.model().is_none()>
                            <p class="help">"Load a model first."</p>
                        </Show>
                    }
                >
                    <Progress/>
                    <button class="secondary" data-testid="bench-stop" on:click=move |_| state::stop(app)>
                        "Stop"
                    </button>
                </Show>
                <div aria-live="polite">
                    {move || match app.bench.get() {
                        Bench::Done(report) => view! { <Results report=*report/> }.into_any(),
                        Bench::Failed(why) => {
                            view! { <p class="warning" data-testid="bench-failed">{why}</p> }.into_any()
                        }
                        Bench::Idle | Bench::Running { .. } => ().into_any(),
                    }}
                </div>
            </div>
        </dialog>
    }
}

#[component]
fn Number(id: &'static str, label: &'static str, value: RwSignal<usize>) -> impl IntoView {
    // What is typed is left alone: half a number is on its way to a whole one.
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
                    // No run takes zero: there is nothing to be started with it.
                    value.set(number().unwrap_or(0));
                }
            />
        </div>
    }
}

#[component]
fn Progress() -> impl IntoView {
    let app = app();
    let far = move || match app.bench.get() {
        Bench::Running { done, total } => (done, total.max(1)),
        _ => (0, 1),
    };
    let share = move || {
        let (done, total) = far();
        100.0 * done as f64 / total as f64
    };
    view! {
        <p class="numbers" data-testid="bench-progress">
            {move || {
                let (done, total) = far();
                format!("{} of {} tokens", format::count(done as u64), format::count(total as u64))
            }}
        </p>
        <div
            class="meter"
            role="progressbar"
            aria-label="Benchmark"
            aria-valuemin="0"
            aria-valuemax="100"
            aria-valuenow=move || format!("{:.0}", share())
        >
            <div class="meter-fill" style:width=move || format!("{:.1}%", share())></div>
        </div>
    }
}

#[component]
fn Results(report: BenchReport) -> impl IntoView {
    let rates = [
        ("prefill tok/s", report.prefill_tok_s),
        ("decode tok/s", report.decode_tok_s),
        ("first token, ms", report.ttft_ms),
    ];
    let rows = rates.into_iter().filter_map(|(name, range)| {
        let Range { min, median, max } = range?;
        let cell = |value: f64| view! { <td class="numbers">{format!("{value:.2}")}</td> };
        Some(view! { <tr><th scope="row">{name}</th>{cell(min)}{cell(median)}{cell(max)}</tr> })
    });
    let clock = report.clock.map(|clock| {
        format!(
            "The engine\u{2019}s {}, which moves in steps of {}.",
            clock.source.name(),
            resolution(clock.resolution_ms)
        )
    });
    let device_clock = report.device_clock.map(|clock| {
        format!(
            " On the device: its own timestamps, which move in steps of {}; part of forward.",
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
                <thead>
                    <tr><th></th><th scope="col">"min"</th><th scope="col">"median"</th><th scope="col">"max"</th></tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
            <table class="bench-table">
                <thead>
                    <tr>
                        <th scope="col">"ms a step, p50"</th>
                        <th scope="col">"prefill"</th>
                        <th scope="col">"decode"</th>
                    </tr>
                </thead>
                <tbody>{stages(&report.prefill, &report.decode)}</tbody>
            </table>
            {report.comparison.as_ref().map(compared)}
            <p class="help">{clock}{device_clock}</p>
            <button class="secondary" data-testid="bench-download" on:click=move |_| download(&json)>
                "Download the JSON"
            </button>
        </section>
    }
}

fn stages(prefill: &StepStats, decode: &StepStats) -> impl IntoView + use<> {
    let rows = prefill.stages.iter().zip(&decode.stages);
    let rows = rows.map(|(prefill, decode)| {
        let cell =
            |named: &Named| view! { <td class="numbers">{format::millis(named.ms.p50)}</td> };
        view! { <tr><th scope="row">{prefill.name.clone()}</th>{cell(prefill)}{cell(decode)}</tr> }
    });
    let device = prefill.device.iter().zip(&decode.device);
    let device = device.map(|(prefill, decode)| {
        let name = format!("on the device: {}", prefill.name);
        let cell =
            |named: &Named| view! { <td class="numbers">{format::millis(named.ms.p50)}</td> };
        view! { <tr><th scope="row">{name}</th>{cell(prefill)}{cell(decode)}</tr> }
    });
    (rows.collect_view(), device.collect_view())
}

fn compared(comparison: &Comparison) -> impl IntoView + use<> {
    let ratios = [
        ("Prefill", comparison.prefill),
        ("Decode", comparison.decode),
    ];
    let lines = ratios.into_iter().filter_map(|(name, ratio)| {
        let ratio: Ratio = ratio?;
        let verdict = if ratio.is_certain() {
            ""
        } else {
            ": no difference measured, the runs overlap"
        };
        let words = format!(
            "{name}: {:.2} times the run before{verdict}.",
            ratio.of_medians
        );
        Some(view! { <li>{words}</li> })
    });
    let differs = comparison.differs.iter().map(|what| {
        view! { <li>{format!("Not the same: {what}.")}</li> }
    });
    view! {
        <ul class="help" data-testid="bench-compared">
            {differs.collect_view()}
            {lines.collect_view()}
        </ul>
    }
}

/// Offers `json` as a file.
fn download(json: &str) {
    let link = document().create_element("a").ok();
    let Some(link) = link.and_then(|link| link.dyn_into::<web_sys::HtmlElement>().ok()) else {
        return;
    };
    let content = String::from(js_sys::encode_uri_component(json));
    let href = format!("data:application/json,{content}");
    let set = link
        .set_attribute("href", &href)
        .and_then(|()| link.set_attribute("download", "llamaglass-bench.json"));
    if set.is_ok() {
        link.click();
    }
}
