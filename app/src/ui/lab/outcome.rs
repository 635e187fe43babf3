//! Outcome of an experiment.

use std::sync::Arc;

use leptos::prelude::*;
use llamaglass_lab::{Experiment, trace_events};
use llamaglass_report::lab::{csv, page};

use super::super::download::download;
use super::frame::Report;
use crate::lab::value;
use crate::state::{Found, Outcome, app};

/// Outcome of the last run.
#[component]
pub fn Ending(experiment: Experiment) -> impl IntoView {
    let app = app();
    let name = experiment.name();
    move || {
        let outcome = app.lab.outcomes.with(|all| all.get(&experiment).cloned());
        match outcome {
            None => ().into_any(),
            Some(Outcome::Stopped) => {
                view! { <p class="help" data-testid=format!("lab-stopped-{name}")>"It was stopped."</p> }
                    .into_any()
            }
            Some(Outcome::Failed(why)) => {
                view! { <p class="warning" data-testid=format!("lab-failed-{name}")>{why}</p> }
                    .into_any()
            }
            Some(Outcome::Done(found)) => view! { <Findings found/> }.into_any(),
        }
    }
}

/// Result of a run: findings first, then its report, then its files.
#[component]
pub fn Findings(found: Arc<Found>) -> impl IntoView {
    let name = found.result.data.experiment().name();
    let mut said = found.result.findings.iter().map(|of| of.text.clone());
    let lead = said
        .next()
        .unwrap_or_else(|| "Nothing was found that can be told from chance.".into());
    let rest: Vec<String> = said.collect();
    let incomplete = incomplete(&found);
    let shown = RwSignal::new(true);
    let report = Arc::clone(&found);
    view! {
        <section class="lab-result" data-testid=format!("lab-result-{name}")>
            <p class="lab-lead" data-testid=format!("lab-lead-{name}")>{lead}</p>
            {incomplete.map(|why| view! { <p class="warning">{why}</p> })}
            <ul class="lab-findings">
                {rest.into_iter().map(|text| view! { <li>{text}</li> }).collect_view()}
            </ul>
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
            <Files found/>
        </section>
    }
}

/// Returns a warning to show before the numbers of a load that was not answered completely.
fn incomplete(found: &Found) -> Option<String> {
    use llamaglass_lab::Data;
    let Data::Load(data) = &found.result.data else {
        return None;
    };
    let short = data.runs.iter().find(|run| !run.is_complete())?;
    let why = short.errors.first().map_or("", |(words, _)| words);
    Some(format!(
        "This run failed: of {} requests, {} were answered. {why}",
        short.requested, short.completed
    ))
}

#[component]
fn Files(found: Arc<Found>) -> impl IntoView {
    let name = found.result.data.experiment().name();
    let tables = csv(&found.result).into_iter().map(|(file, text)| {
        let label = file.clone();
        view! {
            <button
                class="secondary"
                aria-label=format!("Download {label}")
                on:click=move |_| download(&file, "text/csv", &text)
            >
                {label.clone()}
            </button>
        }
    });
    let tables = tables.collect_view();
    let (json, html) = (Arc::clone(&found), Arc::clone(&found));
    let traced = !found.records.is_empty();
    view! {
        <div class="lab-files">
            <button
                class="secondary"
                data-testid=format!("lab-json-{name}")
                on:click=move |_| {
                    let text = format!("{:#}", value(&json.result));
                    download(&format!("{name}.json"), "application/json", &text);
                }
            >
                "JSON"
            </button>
            <button
                class="secondary"
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
                <button
                    class="secondary"
                    data-testid=format!("lab-trace-{name}")
                    title="Opens in ui.perfetto.dev and chrome://tracing"
                    on:click=move |_| {
                        let text = trace_events(&found.records);
                        download(&format!("{name}.trace.json"), "application/json", &text);
                    }
                >
                    "Perfetto trace"
                </button>
            })}
        </div>
    }
}
