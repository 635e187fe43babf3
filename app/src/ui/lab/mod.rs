//! The lab: a card for each experiment, in the recommended order.

mod card;
mod choices;
mod dataset;
mod fields;
mod frame;
mod live;
mod outcome;
mod saved_runs;
mod stored_settings;
mod summary;

use leptos::prelude::*;
use llamaglass_lab::Experiment;

use super::alerts::{Alerts, Crashed};
use super::icon::Icon;
use super::message::Answer;
use crate::engine::Loaded;
use crate::lab::unsupported_reason;
use crate::state::{self, SavedRuns, app};
use card::Card;
use dataset::DatasetField;
use summary::LabSummary;

/// The lab, shown in place of the conversation.
#[component]
pub fn LabTab() -> impl IntoView {
    let app = app();
    let target = move || match app.loaded() {
        Some(Loaded::Engine(info)) => format!(
            "Measures {} on {} in this page.",
            info.name, info.backend.adapter
        ),
        Some(Loaded::Server(server)) => format!(
            "Measures the server at {}, with the experiments that it supports, on this page\u{2019}s clock.",
            server.host()
        ),
        None => "No model is loaded. Load one in the conversation first.".into(),
    };
    let all = move || app.lab.running.get().is_some_and(|running| running.all);
    let none_supported = move || {
        let loaded = app.loaded();
        Experiment::ALL
            .iter()
            .all(|of| unsupported_reason(*of, loaded.as_ref()).is_some())
    };
    let unavailable = move || match app.lab.saved_runs.get() {
        SavedRuns::Unavailable(why) => Some(why),
        _ => None,
    };
    view! {
        <section class="lab" aria-labelledby="lab-title" data-testid="lab">
            <div class="lab-column">
                <div class="lab-head">
                    <h2 id="lab-title">"Lab: where a token\u{2019}s time goes"</h2>
                    <button class="secondary" data-testid="lab-close" on:click=move |_| state::open_lab(app, false)>
                        <Icon path="M15 5l-7 7l7 7"/>
                        "Conversation"
                    </button>
                </div>
                <Crashed/>
                <div class="lab-alerts"><Alerts/></div>
                <p class="help" data-testid="lab-whose">{target}</p>
                <div class="lab-all">
                    <DatasetField/>
                    <button class="primary" data-testid="lab-run-all"
                        disabled=move || !app.can_send() || none_supported()
                        on:click=move |_| state::start_all(app)
                    >
                        {move || if all() { "Running all" } else { "Run all" }}
                    </button>
                </div>
                {move || unavailable().map(|why| view! {
                    <p class="warning" data-testid="lab-denied">
                        "This browser can\u{2019}t save runs, so they can\u{2019}t be compared after a reload: " {why}
                    </p>
                })}
                <LabSummary/>
                {Experiment::ALL.map(|experiment| view! { <Card experiment/> })}
                <Stage/>
            </div>
        </section>
    }
}

/// Stage on which answers are painted in order to be measured.
#[component]
fn Stage() -> impl IntoView {
    let app = app();
    view! {
        <Show when=move || app.lab.stage.get().is_some()>
            <div class="lab-stage" inert="true" aria-hidden="true">
                {move || app.lab.stage.get().map(|turn| view! { <Answer turn/> })}
            </div>
        </Show>
    }
}
