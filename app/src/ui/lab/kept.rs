//! Saved runs of an experiment, and comparisons between them.

use std::sync::Arc;

use leptos::prelude::*;
use llamaglass_lab::{Experiment, digits};
use llamaglass_report::date;

use super::outcome::Findings;
use crate::lab::{Comparison, Line, compare};
use crate::state::{self, Found, KeptRun, Outcome, app};

/// Saved runs, newest first.
#[component]
pub fn KeptRuns(experiment: Experiment) -> impl IntoView {
    let app = app();
    let name = experiment.name();
    let runs = move || app.lab.kept.with(|kept| kept.of(experiment));
    let shown = RwSignal::new(None::<Shown>);
    let some = Memo::new(move |_| !runs().is_empty());
    view! {
        <Show when=move || some.get()>
            <details class="lab-kept" data-testid=format!("lab-kept-{name}")>
                <summary>
                    {move || match runs().len() {
                        1 => "One run is kept".to_owned(),
                        count => format!("{count} runs are kept"),
                    }}
                </summary>
                <ul>
                    <For each=runs key=|run| run.key.clone() let:run>
                        <Row run shown/>
                    </For>
                </ul>
                <div aria-live="polite">
                    {move || shown.get().map(|shown| match shown {
                        Shown::Found(found) => view! { <Findings found/> }.into_any(),
                        Shown::Compared(of) => view! { <Compared of/> }.into_any(),
                    })}
                </div>
            </details>
        </Show>
    }
}

#[derive(Clone)]
enum Shown {
    Found(Arc<Found>),
    Compared(Comparison),
}

#[component]
fn Row(run: KeptRun, shown: RwSignal<Option<Shown>>) -> impl IntoView {
    let app = app();
    let KeptRun { key, found } = run;
    let experiment = found.result.data.experiment();
    let when = date(found.result.begun_unix_s);
    let what = match &found.result.machine {
        Some(machine) => format!(
            "{} {} on {}",
            machine.model, machine.quantisation, machine.adapter
        ),
        None => "a server".to_owned(),
    };
    let (show, against) = (Arc::clone(&found), Arc::clone(&found));
    // Runs are compared with the one on the card, or without one, with the newest saved run.
    let newest = move || {
        let on_card = app.lab.outcomes.with(|all| match all.get(&experiment) {
            Some(Outcome::Done(found)) => Some(Arc::clone(found)),
            _ => None,
        });
        let last = || {
            app.lab
                .kept
                .with(|kept| kept.of(experiment).into_iter().next())
        };
        on_card.or_else(|| last().map(|run| run.found))
    };
    let own = Arc::clone(&found);
    let is_newest = Memo::new(move |_| newest().is_some_and(|newest| newest.result == own.result));
    let label = when.clone();
    view! {
        <li class="lab-run">
            <span class="lab-run-what"><span class="numbers">{when}</span>" · "{what}</span>
            <button
                class="quiet"
                aria-label=format!("Show the run of {label}")
                on:click=move |_| shown.set(Some(Shown::Found(Arc::clone(&show))))
            >
                "Show"
            </button>
            <button
                class="quiet"
                data-testid=format!("lab-compare-{experiment}")
                aria-label=format!("Compare the newest run with that of {label}")
                disabled=move || is_newest.get()
                on:click=move |_| {
                    if let Some(now) = untrack(newest) {
                        let before = (&against.result, &against.settings);
                        let of = compare(before, (&now.result, &now.settings));
                        shown.set(Some(Shown::Compared(of)));
                    }
                }
            >
                "Compare with the newest"
            </button>
            <button
                class="quiet"
                aria-label=format!("Delete the run of {label}")
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
fn Compared(of: Comparison) -> impl IntoView {
    let differs = of.differs.into_iter();
    let differs = differs.map(|what| view! { <li>{format!("Not the same: {what}.")}</li> });
    let rows = of.lines.into_iter().map(|line| {
        let Line {
            name,
            before,
            now,
            ratio,
            verdict,
        } = line;
        let ratio = ratio.map_or_else(|| "\u{2013}".into(), |ratio| format!("{ratio:.2}"));
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td class="numbers">{digits(before)}</td>
                <td class="numbers">{digits(now)}</td>
                <td class="numbers">{ratio}</td>
                <td>{verdict}</td>
            </tr>
        }
    });
    view! {
        <section data-testid="lab-compared">
            <ul class="help">{differs.collect_view()}</ul>
            <div class="bench-wide" tabindex="0" role="region" aria-label="Comparison">
                <table class="bench-table lab-table">
                    <thead>
                        <tr>
                            <th scope="col">"Number"</th>
                            <th scope="col">"Before"</th>
                            <th scope="col">"Newest"</th>
                            <th scope="col">"Ratio"</th>
                            <th scope="col">"Difference"</th>
                        </tr>
                    </thead>
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            </div>
        </section>
    }
}
