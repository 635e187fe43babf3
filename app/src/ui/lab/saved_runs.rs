//! Saved runs of an experiment, and comparisons between them.

use std::sync::Arc;

use leptos::prelude::*;
use llamaglass_lab::{Experiment, digits};
use llamaglass_report::date;

use super::super::bench::head;
use super::outcome::Findings;
use crate::lab::{Comparison, CompletedRun, compare};
use crate::state::{self, App, RunOutcome, SavedRun, app};

/// Saved runs, newest first.
#[component]
pub fn SavedRunList(experiment: Experiment) -> impl IntoView {
    let app = app();
    let name = experiment.name();
    let runs = move || runs_of(app, experiment);
    let shown = RwSignal::new(None::<Shown>);
    let some = Memo::new(move |_| !runs().is_empty());
    view! {
        <Show when=move || some.get()>
            <details class="lab-kept" data-testid=format!("lab-kept-{name}")>
                <summary>
                    {move || match runs().len() {
                        1 => "1 saved run".to_owned(),
                        count => format!("{count} saved runs"),
                    }}
                </summary>
                <ul>
                    <For each=runs key=|saved| saved.key.clone() let:saved><Row saved shown/></For>
                </ul>
                <div aria-live="polite">
                    {move || shown.get().map(|shown| match shown {
                        Shown::Run(run) => view! { <Findings run/> }.into_any(),
                        Shown::Comparison(comparison) => view! { <Compared comparison/> }.into_any(),
                    })}
                </div>
            </details>
        </Show>
    }
}

fn runs_of(app: App, experiment: Experiment) -> Vec<SavedRun> {
    app.lab.saved_runs.with(|saved| saved.of(experiment))
}

#[derive(Clone)]
enum Shown {
    Run(Arc<CompletedRun>),
    Comparison(Comparison),
}

#[component]
fn Row(saved: SavedRun, shown: RwSignal<Option<Shown>>) -> impl IntoView {
    let app = app();
    let SavedRun { key, run } = saved;
    let experiment = run.result.data.experiment();
    let when = date(run.result.begun_unix_s);
    let what = match &run.result.machine {
        Some(machine) => format!(
            "{} {} on {}",
            machine.model, machine.quantisation, machine.adapter
        ),
        None => "a server".to_owned(),
    };
    let (show, before) = (Arc::clone(&run), Arc::clone(&run));
    // Runs are compared with the one on the card, or without one, with the newest saved run.
    let newest = move || {
        let on_card = app.lab.outcomes.with(|all| match all.get(&experiment) {
            Some(RunOutcome::Done(run)) => Some(Arc::clone(run)),
            _ => None,
        });
        let last = || runs_of(app, experiment).into_iter().next();
        on_card.or_else(|| last().map(|saved| saved.run))
    };
    let this = Arc::clone(&run);
    let is_newest = Memo::new(move |_| newest().is_some_and(|newest| newest.result == this.result));
    let label = when.clone();
    view! {
        <li class="lab-run">
            <span class="lab-run-what"><span class="numbers">{when}</span>" · "{what}</span>
            <button class="quiet" aria-label=format!("Show the run of {label}")
                on:click=move |_| shown.set(Some(Shown::Run(Arc::clone(&show))))
            >
                "Show"
            </button>
            <button class="quiet" data-testid=format!("lab-compare-{experiment}")
                aria-label=format!("Compare the newest run with the run of {label}")
                disabled=move || is_newest.get()
                on:click=move |_| {
                    if let Some(now) = untrack(newest) {
                        let comparison = compare(&before, &now);
                        shown.set(Some(Shown::Comparison(comparison)));
                    }
                }
            >
                "Compare with newest"
            </button>
            <button class="quiet" aria-label=format!("Delete the run of {label}")
                on:click=move |_| {
                    shown.set(None);
                    state::delete_run(app, key.clone());
                }
            >
                "Delete"
            </button>
        </li>
    }
}

#[component]
fn Compared(comparison: Comparison) -> impl IntoView {
    let differs = comparison.differs.into_iter();
    let differs = differs.map(|what| view! { <li>{format!("Different {what}.")}</li> });
    let rows = comparison.lines.into_iter().map(|line| {
        let ratio = line
            .ratio
            .map_or_else(|| "\u{2013}".into(), |ratio| format!("{ratio:.2}"));
        view! {
            <tr>
                <th scope="row">{line.name}</th>
                <td class="numbers">{digits(line.before)}</td>
                <td class="numbers">{digits(line.now)}</td>
                <td class="numbers">{ratio}</td>
                <td>{line.verdict}</td>
            </tr>
        }
    });
    view! {
        <section data-testid="lab-compared">
            <ul class="help">{differs.collect_view()}</ul>
            <div class="bench-wide" tabindex="0" role="region" aria-label="Comparison">
                <table class="bench-table lab-table">
                    {head(&["Figure", "Before", "Newest", "Ratio", "Difference"])}
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            </div>
        </section>
    }
}
