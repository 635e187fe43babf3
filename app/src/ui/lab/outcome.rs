//! Outcome of an experiment.

use std::sync::Arc;

use leptos::prelude::*;
use llamaglass_lab::{Experiment, trace_events};
use llamaglass_report::lab::{csv, page};

use super::super::download::download;
use super::frame::Report;
use crate::lab::{CompletedRun, value};
use crate::state::{RunOutcome, app};

/// Outcome of the last run.
#[component]
pub fn Ending(experiment: Experiment) -> impl IntoView {
    let app = app();
    let name = experiment.name();
    move || {
        let outcome = app.lab.outcomes.with(|all| all.get(&experiment).cloned());
        match outcome {
            None => ().into_any(),
            Some(RunOutcome::Stopped) => {
                view! { <p class="help" data-testid=format!("lab-stopped-{name}")>"Stopped."</p> }
                    .into_any()
            }
            Some(RunOutcome::Failed(why)) => {
                view! { <p class="warning" data-testid=format!("lab-failed-{name}")>{why}</p> }
                    .into_any()
            }
            Some(RunOutcome::Done(run)) => view! { <Findings run/> }.into_any(),
        }
    }
}

/// Result of a run: findings first, then its report, then its files.
#[component]
pub fn Findings(run: Arc<CompletedRun>) -> impl IntoView {
    let name = run.result.data.experiment().name();
    let mut findings = run.result.findings.iter().map(|of| of.text.clone());
    let lead = findings
        .next()
        .unwrap_or_else(|| "No finding is statistically significant.".into());
    let rest: Vec<String> = findings.collect();
    let incomplete = incomplete(&run);
    let shown = RwSignal::new(true);
    let report = Arc::clone(&run);
    view! {
        <section class="lab-result" data-testid=format!("lab-result-{name}")>
            <p class="lab-lead" data-testid=format!("lab-lead-{name}")>{lead}</p>
            {incomplete.map(|why| view! { <p class="warning">{why}</p> })}
            <ul class="lab-findings">{rest.into_iter().map(|text| view! { <li>{text}</li> }).collect_view()}</ul>
            <details prop:open=true on:toggle=move |event| {
                let details: web_sys::Element = event_target(&event);
                shown.set(details.has_attribute("open"));
            }>
                <summary>"Tables and figures"</summary>
                <Show when=move || shown.get()>
                    {match page(&report.result) {
                        Ok(html) => view! {
                            <Report html title=format!("Report of {name}") id=format!("lab-report-{name}")/>
                        }.into_any(),
                        Err(error) => view! { <p class="warning">{error.to_string()}</p> }.into_any(),
                    }}
                </Show>
            </details>
            <Files run/>
        </section>
    }
}

/// Returns a warning to show before the numbers of a load that was not answered completely.
fn incomplete(run: &CompletedRun) -> Option<String> {
    use llamaglass_lab::Data;
    let Data::Load(data) = &run.result.data else {
        return None;
    };
    let failed = data.runs.iter().find(|run| !run.is_complete())?;
    let why = failed.errors.first().map_or("", |(message, _)| message);
    Some(format!(
        "This run failed: {} of {} requests were answered. {why}",
        failed.completed, failed.requested
    ))
}

#[component]
fn Files(run: Arc<CompletedRun>) -> impl IntoView {
    let name = run.result.data.experiment().name();
    let tables = csv(&run.result).into_iter().map(|(file, text)| {
        let label = file.clone();
        view! {
            <button class="secondary" aria-label=format!("Download {label}")
                on:click=move |_| download(&file, "text/csv", &text)
            >
                {label.clone()}
            </button>
        }
    });
    let tables = tables.collect_view();
    let (json, html) = (Arc::clone(&run), Arc::clone(&run));
    let traced = !run.records.is_empty();
    view! {
        <div class="lab-files">
            <button class="secondary" data-testid=format!("lab-json-{name}")
                on:click=move |_| {
                    let text = format!("{:#}", value(&json.result));
                    download(&format!("{name}.json"), "application/json", &text);
                }
            >
                "JSON"
            </button>
            <button class="secondary"
                on:click=move |_| {
                    if let Ok(text) = page(&html.result) {
                        download(&format!("{name}.html"), "text/html", &text);
                    }
                }
            >
                "HTML"
            </button>
            {tables}
            {traced.then(|| view! {
                <button class="secondary" data-testid=format!("lab-trace-{name}")
                    title="Opens in ui.perfetto.dev and chrome://tracing"
                    on:click=move |_| {
                        let text = trace_events(&run.records);
                        download(&format!("{name}.trace.json"), "application/json", &text);
                    }
                >
                    "Perfetto trace"
                </button>
            })}
        </div>
    }
}
