//! Card of an experiment: its question, settings, progress and outcome.

use leptos::prelude::*;
use llamaglass_lab::Experiment;

use super::fields::Fields;
use super::live::Live;
use super::outcome::Ending;
use super::saved_runs::SavedRunList;
use crate::lab::unsupported_reason;
use crate::state::{self, app};

/// Card of one experiment.
#[component]
pub fn Card(experiment: Experiment) -> impl IntoView {
    let app = app();
    let id = format!("lab-{experiment}");
    let why = Memo::new(move |_| unsupported_reason(experiment, app.loaded().as_ref()));
    let runs = Memo::new(move |_| {
        let running = app.lab.running.get();
        running.is_some_and(|running| running.experiment == experiment)
    });
    let valid = RwSignal::new(true);
    let name = experiment.name();
    view! {
        <article class="card lab-card" aria-labelledby=id.clone() data-testid=id.clone()>
            <header>
                <h3 id=id.clone()>{experiment.title()} <code class="lab-name">{name}</code></h3>
                <p class="help">{experiment.question()}</p>
            </header>
            <Fields experiment valid/>
            <Show when=move || runs.get()
                fallback=move || view! {
                    <div class="lab-actions">
                        <button
                            class="primary"
                            data-testid=format!("lab-run-{name}")
                            aria-label=format!("Run {}", experiment.title())
                            disabled=move || !app.can_send() || why.get().is_some() || !valid.get()
                            on:click=move |_| state::start_lab(app, experiment)
                        >
                            "Run"
                        </button>
                        {move || why.get().map(|why| view! {
                            <p class="help" data-testid=format!("lab-unfit-{name}")>{why}</p>
                        })}
                    </div>
                }
            >
                <Live/>
            </Show>
            <div aria-live="polite"><Ending experiment/></div>
            <SavedRunList experiment/>
        </article>
    }
}
