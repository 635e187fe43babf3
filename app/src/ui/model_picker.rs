//! Choice of a model.

use leptos::html::Input;
use leptos::prelude::*;

use super::files;
use super::icon::{FILE, FOLDER, Icon};
use super::modal::Modal;
use super::program::{FileDialogs, Recent};
use super::server_form::{OwnServer, ServerForm};
use super::unsupported::Unsupported;
use crate::catalog::default_model;
use crate::engine::Engine;
use crate::format;
use crate::state::{self, app};

/// Welcome screen, shown while no model is loaded.
#[component]
pub fn Welcome() -> impl IntoView {
    let app = app();
    let first = move || app.turns.with(Vec::is_empty);
    let place = move || match app.platform.with(Option::is_some) {
        true => "on your machine",
        false => "in your browser",
    };
    view! {
        <section class="welcome">
            <Show when=first>
                <div class="hero">
                    <img src="icon.svg" alt="" width="72" height="72"/>
                    <h2>"A Llama " {place} ", with every millisecond on display"</h2>
                    <p>"The model runs on this machine. A timeline next to each answer shows where every token's time goes."</p>
                </div>
            </Show>
            <Unsupported/>
            <Picker/>
        </section>
    }
}

/// Dialog that chooses another model while one is loaded.
#[component]
pub fn ModelDialog() -> impl IntoView {
    let app = app();
    Effect::new(move || {
        if matches!(app.engine.get(), Engine::Loading(_)) {
            app.model_open.set(false);
        }
    });
    view! {
        <Modal id="model" classes="dialog" title="Change the model" open=app.model_open>
            <Show when=move || app.model_open.get()><Picker/></Show>
        </Modal>
    }
}

/// Choice among the offered or recent models, files, folders, and servers.
#[component]
fn Picker() -> impl IntoView {
    let app = app();
    let in_program = move || app.platform.with(Option::is_some);
    let offered = move || match in_program() {
        true => view! { <Recent/> }.into_any(),
        false => view! { <Offered/> }.into_any(),
    };
    let files = move || match in_program() {
        true => view! { <FileDialogs/> }.into_any(),
        false => view! { <FileInputs/> }.into_any(),
    };
    view! {
        <div class="picker">
            {offered}
            <div class="open-row">
                {files}
                <button class="secondary" data-testid="server-open"
                    aria-expanded=move || app.server_form.open.get().to_string()
                    on:click=move |_| app.server_form.open.update(|open| *open = !*open)
                >
                    <Icon path="M4 5h16v5H4zM4 14h16v5H4zM7.5 7.5v.01M7.5 16.5v.01"/>
                    "Server…"
                </button>
            </div>
            <Show when=move || app.server_form.open.get()><ServerForm/></Show>
            <p class="help">
                "A GGUF file, or the folder of a Hugging Face model (safetensors, config.json, tokenizer.json). You can drop either anywhere here. Files stay on this machine."
            </p>
            <RunsOn/>
        </div>
    }
}

/// Model that the page's server offers.
#[component]
fn Offered() -> impl IntoView {
    let app = app();
    let default = move || {
        let catalog = app.catalog.get()?.ok()?;
        default_model(&catalog).cloned()
    };
    let catalog_error = move || app.catalog.get().and_then(Result::err);
    let starting = move || app.engine.get() == Engine::Starting;
    let own = move || app.server_form.own.with(Option::is_some);
    let label = move || {
        default().map_or("Looking for models…".into(), |m| {
            format!("Load {}", m.name)
        })
    };
    let size = move || default().map(|model| format::bytes(model.bytes));
    view! {
        <OwnServer/>
        <Show when=move || catalog_error().is_none()
            fallback=move || {
                view! {
                    <Show when=move || !own()>
                        <p class="help">"This server offers no models: " {catalog_error}</p>
                    </Show>
                }
            }
        >
            <button class="large" class:primary=move || !own() class:secondary=own
                data-testid="load-default" disabled=move || default().is_none() || starting()
                on:click=move |_| state::load_default(app)
            >
                {label}
                <span class="button-note numbers">{size}</span>
            </button>
        </Show>
        <div class="or" aria-hidden="true"><span>"or"</span></div>
    }
}

/// Inputs for files and folders in a browser.
#[component]
fn FileInputs() -> impl IntoView {
    let app = app();
    let folder = NodeRef::<Input>::new();
    Effect::new(move || {
        if let Some(folder) = folder.get() {
            let _ = folder.set_attribute("webkitdirectory", "");
        }
    });
    let starting = move || app.engine.get() == Engine::Starting;
    view! {
        <label class="secondary file-button" class:disabled=starting>
            <input type="file" multiple data-testid="open-file-input"
                accept=".gguf,.safetensors,.json,.jinja" disabled=starting
                on:change=move |event| files::chosen(app, &event)
            />
            <Icon path=FILE/>
            "Open a file…"
        </label>
        <label class="secondary file-button" class:disabled=starting>
            <input type="file" multiple node_ref=folder data-testid="open-folder-input" disabled=starting
                on:change=move |event| files::chosen(app, &event)
            />
            <Icon path=FOLDER/>
            "Open a folder…"
        </label>
    }
}

/// Backend and adapter that the model will run on.
#[component]
fn RunsOn() -> impl IntoView {
    let app = app();
    let text = move || match app.backend.get() {
        None => match app.engine_download.get() {
            Some((done, total)) if total > 0 => format!(
                "Downloading the engine: {} of {}",
                format::bytes(done),
                format::bytes(total)
            ),
            Some((done, _)) => format!("Downloading the engine: {}", format::bytes(done)),
            None if app.engine.get() == Engine::Starting => "Starting the engine…".to_owned(),
            None => "Looking for a graphics adapter…".to_owned(),
        },
        Some(Ok(info)) => format!(
            "Runs on: {} · {}",
            super::status::backend_text(&info),
            info.adapter
        ),
        Some(Err(_)) => String::new(),
    };
    view! { <p class="runs-on" data-testid="runs-on">{text}</p> }
}
