//! Notes on a missing GPU: what is missing, what to do about it, and how to go on without one.

use leptos::prelude::*;
use llamaglass_types::{Backend, BackendChoice};

use super::wiring::facts;
use crate::engine::{Engine, Loaded};
use crate::gpu_advice::{BrowserFacts, PROGRAM_ADVICE, PROGRAM_MISSING};
use crate::state::{self, app};

/// Card shown if models would have to run on a GPU and none can be used.
#[component]
pub fn Unsupported() -> impl IntoView {
    let app = app();
    let why = move || match app.backend.get() {
        Some(Err(error)) => Some(error),
        _ => None,
    };
    view! {
        <Show when=move || why().is_some()>
            <section class="card unsupported" role="alert" data-testid="unsupported">
                <h2>"The GPU can't be used"</h2>
                <p data-testid="unsupported-reason">{why}</p>
                <Advice/>
                <button class="primary" data-testid="use-cpu"
                    on:click=move |_| state::choose_backend(app, BackendChoice::Cpu)
                >
                    "Run on the CPU instead"
                </button>
            </section>
        </Show>
    }
}

/// Says what is missing and what to do about it.
#[component]
fn Advice() -> impl IntoView {
    let facts = if app().platform.with(Option::is_some) {
        None
    } else {
        Some(facts())
    };
    let missing = facts
        .as_ref()
        .map_or(PROGRAM_MISSING, BrowserFacts::missing);
    let advice = facts.map_or_else(|| PROGRAM_ADVICE.to_vec(), |facts| facts.advice());
    view! {
        <p>{missing}</p>
        <ul class="advice">{advice.into_iter().map(|line| view! { <li>{line}</li> }).collect_view()}</ul>
    }
}

/// Note on why Auto chose the CPU, shown until the conversation begins.
#[component]
pub fn FallbackNote() -> impl IntoView {
    let app = app();
    let reason = move || {
        let auto = app.settings.with(|s| s.backend == BackendChoice::Auto);
        let is_relevant = matches!(
            app.engine.get(),
            Engine::Empty | Engine::Loaded(Loaded::Engine(_))
        );
        match app.backend.get() {
            Some(Ok(info)) if auto && is_relevant && info.backend == Backend::Cpu => {
                info.fallback_reason
            }
            _ => None,
        }
    };
    let the_gpu = move || match app.platform.with(Option::is_some) {
        true => "the GPU",
        false => "WebGPU",
    };
    let has_turns = move || app.turns.with(|turns| !turns.is_empty());
    view! {
        <Show when=move || reason().is_some() && !has_turns()>
            <details class="fallback" data-testid="fallback">
                <summary>"Running on the CPU. Why not on the GPU?"</summary>
                <p data-testid="fallback-reason">{reason}</p>
                <Advice/>
                <button class="secondary" data-testid="try-webgpu"
                    on:click=move |_| state::choose_backend(app, BackendChoice::Wgpu)
                >
                    "Try " {the_gpu} " anyway"
                </button>
            </details>
        </Show>
    }
}
