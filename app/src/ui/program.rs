//! Components that only the desktop program shows: its dialogs, recent models and adapters.

use leptos::prelude::*;

use super::icon::{FILE, FOLDER, Icon};
use crate::engine::Engine;
use crate::platform::RecentModel;
use crate::state::{self, app};

/// Buttons that open the program's own dialogs.
#[component]
pub fn FileDialogs() -> impl IntoView {
    let app = app();
    let starting = move || app.engine.get() == Engine::Starting;
    view! {
        <button class="secondary" data-testid="choose-file" disabled=starting
            on:click=move |_| state::choose_model(app, false)
        >
            <Icon path=FILE/>
            "Open a file…"
        </button>
        <button class="secondary" data-testid="choose-folder" disabled=starting
            on:click=move |_| state::choose_model(app, true)
        >
            <Icon path=FOLDER/>
            "Open a folder…"
        </button>
    }
}

/// Recent models, newest first.
#[component]
pub fn Recent() -> impl IntoView {
    let app = app();
    let recent = move || {
        let platform = app.platform.get();
        platform.map(|platform| platform.recent).unwrap_or_default()
    };
    let starting = move || app.engine.get() == Engine::Starting;
    let entry = move |RecentModel { path, name }: RecentModel| {
        let (opened, title) = (path.clone(), path.clone());
        view! {
            <li>
                <button class="recent-model" data-testid="recent-model" disabled=starting title=title
                    on:click=move |_| state::open_path(app, opened.clone())
                >
                    <span class="recent-name">{name}</span>
                    <span class="recent-path">{path}</span>
                </button>
            </li>
        }
        .into_any()
    };
    // Redrawing the whole list on its rare changes takes a tenth of the code of a keyed list.
    let entries = move || recent().into_iter().map(entry).collect::<Vec<AnyView>>();
    let shown = move || {
        view! {
            <section class="recent" aria-labelledby="recent-title">
                <div class="section-head">
                    <h3 id="recent-title">"Recent models"</h3>
                    <button class="quiet" data-testid="recent-clear" on:click=move |_| state::clear_recent(app)>
                        "Clear"
                    </button>
                </div>
                <ul class="recent-list">{entries}</ul>
            </section>
        }
        .into_any()
    };
    move || (!recent().is_empty()).then(shown)
}

/// Choice of the adapter that models run on.
#[component]
pub fn AdapterSetting() -> impl IntoView {
    let app = app();
    let chosen = move || app.settings.with(|s| s.adapter.clone());
    let names = move || {
        let platform = app.platform.get();
        let adapters = platform.map(|platform| platform.adapters);
        let adapters = adapters.unwrap_or_default().into_iter();
        let mut names: Vec<(String, String)> = adapters
            .map(|info| {
                let software = if info.software {
                    ", software adapter"
                } else {
                    ""
                };
                let label = format!("{} ({}{software})", info.adapter, info.api);
                (info.adapter, label)
            })
            .collect();
        names.dedup_by(|a, b| a.0 == b.0);
        if let Some(missing) = chosen()
            && names.iter().all(|(name, _)| *name != missing)
        {
            let label = format!("{missing} (not available)");
            names.push((missing, label));
        }
        names
    };
    let option = move |(name, label): (String, String)| {
        let value = name.clone();
        view! {
            <option value=value prop:selected=move || chosen().as_ref() == Some(&name)>{label}</option>
        }
        .into_any()
    };
    let options = move || names().into_iter().map(option).collect::<Vec<AnyView>>();
    let shown = move || {
        view! {
            <div class="settings-field">
                <label for="settings-adapter">"Graphics adapter"</label>
                <select id="settings-adapter" data-testid="settings-adapter"
                    aria-describedby="settings-adapter-help"
                    on:change=move |event| {
                        let name = event_target_value(&event);
                        state::choose_adapter(app, (!name.is_empty()).then_some(name));
                    }
                >
                    <option value="" prop:selected=move || chosen().is_none()>"System default"</option>
                    {options}
                </select>
                <p class="help" id="settings-adapter-help">"Changing it reloads the model."</p>
            </div>
        }
        .into_any()
    };
    move || app.platform.with(Option::is_some).then(shown)
}
