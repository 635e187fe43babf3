//! Progress of a load.

use leptos::prelude::*;
use llamaglass_types::LoadPhase;

use super::meter::Meter;
use crate::engine::{Engine, Load};
use crate::format;
use crate::state::{self, app};

const PHASES: [LoadPhase; 4] = [
    LoadPhase::Download,
    LoadPhase::Parse,
    LoadPhase::Upload,
    LoadPhase::Compile,
];

const fn verb(phase: LoadPhase) -> &'static str {
    match phase {
        LoadPhase::Download => "Download",
        LoadPhase::Parse => "Read the header",
        LoadPhase::Upload => "Upload the weights to the device",
        LoadPhase::Compile => "Compile and warm up",
    }
}

/// Phases of a load with their progress, and a button to cancel it.
#[component]
pub fn LoadPanel() -> impl IntoView {
    let app = app();
    let load = Memo::new(move |_| match app.engine.get() {
        Engine::Loading(load) => Some(load),
        _ => None,
    });
    view! {
        <Show when=move || load.with(Option::is_some)>
            <section class="card loading" data-testid="progress" aria-label="Loading the model">
                <h2>"Loading " {move || load.get().map(|load| load.name)}</h2>
                <ol class="phases">{PHASES.map(|phase| view! { <Phase phase load/> })}</ol>
                <Planned/>
                <button class="secondary" data-testid="cancel-load" on:click=move |_| state::cancel_load(app)>
                    "Cancel"
                </button>
            </section>
        </Show>
    }
}

#[component]
fn Phase(phase: LoadPhase, load: Memo<Option<Load>>) -> impl IntoView {
    let place = |phase: LoadPhase| PHASES.iter().position(|p| *p == phase).unwrap_or_default();
    let progress = move || load.get().and_then(|load| load.progress);
    let status = move || match progress() {
        Some(now) if now.phase == phase => "active",
        Some(now) if place(now.phase) > place(phase) => "done",
        _ => "waiting",
    };
    let share = move || match (status(), progress()) {
        ("done", _) => 100.0,
        ("active", Some(now)) if now.total > 0 => now.done as f64 / now.total as f64 * 100.0,
        _ => 0.0,
    };
    let text = move || {
        let Some(now) = progress().filter(|now| now.phase == phase) else {
            return String::new();
        };
        if !matches!(phase, LoadPhase::Download | LoadPhase::Upload) {
            return format!("{} of {}", now.done, now.total);
        }
        let bytes = format!(
            "{} of {}",
            format::bytes(now.done),
            format::bytes(now.total)
        );
        match load.get().and_then(|load| load.bytes_per_s) {
            Some(rate) => format!("{bytes}, {}/s", format::bytes(rate as u64)),
            None => bytes,
        }
    };
    view! {
        <li class="phase" data-phase=phase.name() data-status=status>
            <span class="phase-name">{verb(phase)}</span>
            <span class="phase-words numbers">{text}</span>
            <Meter label=verb(phase) percent=share/>
        </li>
    }
}

/// Planned memory of the model on the device, once it is known.
#[component]
fn Planned() -> impl IntoView {
    let app = app();
    let text = move || {
        app.planned.get().map(|memory| {
            format!(
                "Takes {} on the device: weights {}, KV cache {}, activations {}.",
                format::bytes(memory.total()),
                format::bytes(memory.weights),
                format::bytes(memory.kv_cache),
                format::bytes(memory.activations)
            )
        })
    };
    view! {
        <Show when=move || text().is_some()><p class="fits" data-testid="planned">{text}</p></Show>
    }
}
