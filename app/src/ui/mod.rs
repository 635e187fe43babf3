//! User interface of the page.

mod alerts;
mod answer;
mod bars;
mod bench;
mod chat;
mod composer;
mod copy;
mod detail;
mod download;
mod files;
mod header;
mod icon;
mod lab;
mod message;
mod meter;
mod modal;
mod model_picker;
mod overlay;
mod program;
mod progress;
mod server_form;
mod settings;
mod settings_field;
mod stats;
mod status;
mod unsupported;
mod waterfall;
mod wiring;

use leptos::prelude::*;

use crate::engine::Engine;
use crate::state::{self, App, ChatStorage};

/// Notice in a tab that does not save the browser's conversation.
const OTHER_TAB: &str = "The saved conversation is already open in another tab. This tab has its own \
    conversation, which is lost when you close the tab.";

/// Mounts the page in the document's body and starts its engine.
pub fn mount() {
    console_error_panic_hook::set_once();
    wasm_bindgen_futures::spawn_local(async {
        let storage = wiring::chat_storage().await;
        state::set_chat_storage(storage);
        mount_to_body(move || {
            let app = App::new();
            state::report_panics(app);
            wiring::save_on_leaving(app);
            if storage == ChatStorage::Tab {
                app.notice.set(Some(OTHER_TAB.into()));
            }
            wiring::connect(app);
            view! { <Page app/> }
        });
        wiring::remove_splash();
    });
}

/// The whole page. The client of its state has to be connected.
#[component]
pub fn Page(
    /// State to draw.
    app: App,
) -> impl IntoView {
    provide_context(app);
    wiring::theme(app);
    wiring::keys(app);
    let dragging = RwSignal::new(false);
    let in_lab = move || app.lab.open.get();
    let overlay = move || match in_lab() {
        true => app.lab.draws_overlay.get(),
        false => app.settings.with(|s| s.overlay),
    };
    view! {
        <div class="page" class:with-overlay=overlay
            class:no-model=move || !matches!(app.engine.get(), Engine::Loaded(_))
            class:dragging=move || dragging.get() || app.hovering.get()
            on:dragover=move |event| files::drag_over(&event, dragging)
            on:dragleave=move |event| files::drag_leave(&event, dragging)
            on:drop=move |event| files::drop(app, event, dragging)
        >
            <header::Header/>
            <main class="main">
                <Show when=in_lab fallback=|| view! { <chat::Chat/> }><lab::LabTab/></Show>
                <Show when=overlay><overlay::Overlay/></Show>
            </main>
            <status::StatusLine/>
            <settings::SettingsDialog/>
            <model_picker::ModelDialog/>
            <bench::BenchDialog/>
            <div class="drop-hint" aria-hidden="true">"Drop a GGUF file, or the files of a Hugging Face folder"</div>
        </div>
    }
}
