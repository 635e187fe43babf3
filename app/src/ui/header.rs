//! The bar at the top.

use leptos::prelude::*;

use super::icon::{Icon, TIMELINE};
use crate::engine::{Engine, Loaded};
use crate::format;
use crate::settings::Theme;
use crate::state::{self, app};

/// Name, model, and the buttons that are always there.
#[component]
pub fn Header() -> impl IntoView {
    let app = app();
    view! {
        <header class="header">
            <div class="brand">
                <img src="icon.svg" alt="" width="26" height="26"/>
                <h1>"Llamaglass"</h1>
            </div>
            <ModelChip/>
            <div class="header-tools">
                <button class="tool" data-testid="overlay-toggle"
                    aria-pressed=move || app.settings.with(|s| s.overlay).to_string()
                    title="Show or hide the token timeline"
                    on:click=move |_| {
                        app.settings.update(|s| s.overlay = !s.overlay);
                        app.save_settings();
                    }
                >
                    <Icon path=TIMELINE/>
                    <span class="tool-label">"Timeline"</span>
                </button>
                <button class="tool" data-testid="bench-open" title="Benchmark"
                    on:click=move |_| app.bench_open.set(true)
                >
                    <Icon path="M12 20a8 8 0 1 1 8-8M12 12l5-4"/>
                    <span class="tool-label">"Benchmark"</span>
                </button>
                <button class="tool" data-testid="lab-open"
                    aria-pressed=move || app.lab.open.get().to_string()
                    title="Lab: where a token\u{2019}s time goes"
                    on:click=move |_| state::open_lab(app, !app.lab.open.get_untracked())
                >
                    <Icon path="M9 3h6M10 3v6l-5 9a2 2 0 0 0 2 3h10a2 2 0 0 0 2-3l-5-9V3M7.5 15h9"/>
                    <span class="tool-label">"Lab"</span>
                </button>
                <ThemeButton/>
                <button class="tool" data-testid="settings-open" title="Settings"
                    on:click=move |_| app.settings_open.set(true)
                >
                    <Icon path="M4 7h10M18 7h2M4 17h2M10 17h10M16 4.5v5M8 14.5v5"/>
                    <span class="tool-label">"Settings"</span>
                </button>
            </div>
        </header>
    }
}

#[component]
fn ModelChip() -> impl IntoView {
    let app = app();
    let label = move || match app.engine.get() {
        Engine::Loaded(Loaded::Engine(info)) => {
            format!("{} · {}", info.name, info.quantisation)
        }
        Engine::Loaded(Loaded::Server(server)) => {
            format!("{} · {}", server.model.id, server.host())
        }
        Engine::Loading(load) => format!("Loading {}", load.name),
        _ => "No model".into(),
    };
    let title = move || match app.engine.get() {
        Engine::Loaded(Loaded::Server(server)) => format!(
            "Answers come from the server at {}, which receives your messages; click to change",
            server.url
        ),
        Engine::Loaded(Loaded::Engine(info)) => format!(
            "{}, {} parameters, {} in {}; click to change",
            info.format,
            format::parameters(info.parameters),
            format::bytes(info.file_bytes),
            info.quantisation
        ),
        _ => "Choose a model".into(),
    };
    let idle = move || matches!(app.engine.get(), Engine::Loaded(_));
    view! {
        <button class="model-chip" data-testid="change-model" title=title disabled=move || !idle()
            on:click=move |_| app.model_open.set(true)
        >
            <span class="dot" class:on=idle class:away=move || app.server().is_some() aria-hidden="true"></span>
            <span class="model-name">{label}</span>
        </button>
    }
}

#[component]
fn ThemeButton() -> impl IntoView {
    let app = app();
    let theme = move || app.settings.with(|s| s.theme);
    let next = |theme| match theme {
        Theme::System => Theme::Light,
        Theme::Light => Theme::Dark,
        Theme::Dark => Theme::System,
    };
    let label = move || format!("Colours: {}", theme().name());
    view! {
        <button class="tool" data-testid="theme-toggle" title=label aria-label=label
            on:click=move |_| {
                app.settings.update(|s| s.theme = next(s.theme));
                app.save_settings();
            }
        >
            {move || match theme() {
                Theme::System => view! { <Icon path="M3 5h18v11H3zM8 20h8M12 16v4"/> },
                Theme::Light => view! { <Icon path="M12 8a4 4 0 1 0 0 8a4 4 0 1 0 0-8M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4"/> },
                Theme::Dark => view! { <Icon path="M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z"/> },
            }}
        </button>
    }
}
