//! Summary of all experiments.

use leptos::prelude::*;
use llamaglass_lab::{LabResult, SCHEMA_VERSION, Summary};
use llamaglass_report::lab::{overview, report};
use serde_json::{Value, json};

use super::super::download::download;
use super::frame::Report;
use crate::lab::value;
use crate::state::{App, RunOutcome, app};

/// Summary, shown once several experiments have been run.
#[component]
pub fn LabSummary() -> impl IntoView {
    let app = app();
    let several = Memo::new(move |_| results(app).len() > 1);
    view! {
        <Show when=move || several.get() && app.lab.running.with(Option::is_none)>
            <section class="card lab-card" aria-labelledby="lab-summary" data-testid="lab-summary">
                <h3 id="lab-summary">"Summary"</h3>
                {move || summary(&results(app))}
                <div class="lab-files">
                    <button class="secondary" on:click=move |_| {
                        let results = untrack(|| results(app));
                        if let Ok(html) = report(&results, &Summary::of(&results)) {
                            download("llamaglass-lab.html", "text/html", &html);
                        }
                    }>
                        "Report (HTML)"
                    </button>
                    <button class="secondary" on:click=move |_| {
                        let results = untrack(|| results(app));
                        let all = json!({
                            "schema_version": SCHEMA_VERSION,
                            "summary": Summary::of(&results),
                            "left_out": untrack(|| left_out(app)),
                            "results": results.iter().map(value).collect::<Vec<Value>>(),
                        });
                        download("llamaglass-lab.json", "application/json", &format!("{all:#}"));
                    }>
                        "JSON"
                    </button>
                </div>
            </section>
        </Show>
    }
}

fn summary(results: &[LabResult]) -> impl IntoView + use<> {
    let summary = Summary::of(results);
    let nothing = summary.findings.is_empty();
    let findings = summary.findings.iter().map(|of| of.text.clone());
    let findings = findings
        .map(|text| view! { <li>{text}</li> })
        .collect_view();
    let html = overview(&summary)
        .ok()
        .filter(|_| !summary.token.is_empty());
    view! {
        <ul class="lab-findings">{findings}</ul>
        {nothing.then(|| view! {
            <p class="help">"Run the ladder, the call chain or the kernels to see where a token\u{2019}s time goes."</p>
        })}
        {html.map(|html| view! {
            <details prop:open=true>
                <summary>"Time per token by part"</summary>
                <Report html title="Summary report".to_owned() id="lab-overview".to_owned()/>
            </details>
        })}
    }
}

/// Returns all results in the order of the experiments.
fn results(app: App) -> Vec<LabResult> {
    app.lab.outcomes.with(|all| {
        let results = all.values().filter_map(|outcome| match outcome {
            RunOutcome::Done(run) => Some(run.result.clone()),
            _ => None,
        });
        results.collect()
    })
}

/// Returns the experiments that failed, with the reasons.
fn left_out(app: App) -> Vec<(String, String)> {
    app.lab.outcomes.with(|all| {
        let failed = all
            .iter()
            .filter_map(|(experiment, outcome)| match outcome {
                RunOutcome::Failed(why) => Some((experiment.name().to_owned(), why.clone())),
                _ => None,
            });
        failed.collect()
    })
}
