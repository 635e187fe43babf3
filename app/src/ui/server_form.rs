//! Choice of a server that answers: the one that the page came from, or one at a typed address.

use leptos::html::{Form, Select};
use leptos::prelude::*;
use llamaglass_openai::ServedModel;

use crate::state::{self, Connection, OwnServer as Own, app};

/// Button that uses the server from which the page came, shown first.
#[component]
pub fn OwnServer() -> impl IntoView {
    let app = app();
    let served = move || match app.server_form.own.get() {
        Some(Own::Serves(server)) => Some(server),
        _ => None,
    };
    let needs_key = move || app.server_form.own.get() == Some(Own::NeedsKey);
    let choose = move |_| {
        if let Some(server) = served() {
            state::use_model(app, server.url, server.model);
        }
    };
    view! {
        <Show when=move || served().is_some()>
            <button class="primary large" data-testid="own-server" on:click=choose>
                {move || served().map(|server| format!("Use {}", server.model.id))}
                <span class="button-note">
                    {move || served().map(|server| format!("on the server at {}", server.host()))}
                </span>
            </button>
        </Show>
        <Show when=needs_key><p class="help">"The server that this page came from requires an API key."</p></Show>
    }
}

/// Form with the address, the API key, and the server's models.
#[component]
pub fn ServerForm() -> impl IntoView {
    let app = app();
    let form = app.server_form;
    let searching = move || {
        form.connection
            .with(|now| matches!(now, Connection::Searching { .. }))
    };
    // Connect is not the primary button while another action is more likely.
    let is_secondary = move || {
        form.connection.with(|now| {
            matches!(
                now,
                Connection::Searching { .. } | Connection::Choose { .. }
            )
        })
    };
    let status = move || match form.connection.get() {
        Connection::Searching { host } => Some(format!("Asking {host} for its models…")),
        _ => None,
    };
    let failed = move || match form.connection.get() {
        Connection::Failed(why) => Some(why),
        _ => None,
    };
    let element = NodeRef::<Form>::new();
    // Scrolls the form into view when it opens or grows: in a low window its button would be out of sight.
    Effect::new(move |opened: Option<bool>| {
        let has_result = matches!(
            form.connection.get(),
            Connection::Failed(_) | Connection::Choose { .. }
        );
        let element = element.get();
        let is_open = element.is_some();
        if let Some(element) = element.filter(|_| has_result || opened != Some(true)) {
            // Runs after this frame's other effects have drawn the form.
            request_animation_frame(move || element.scroll_into_view_with_bool(false));
        }
        is_open
    });
    view! {
        <form class="server-form" aria-label="OpenAI-compatible server" node_ref=element
            on:submit=move |event| {
                event.prevent_default();
                if searching() {
                    state::cancel_connect(app);
                } else {
                    state::connect(app);
                }
            }
        >
            <Inputs/>
            <div aria-live="polite">
                <Show when=searching><p class="help" data-testid="server-asking">{status}</p></Show>
            </div>
            <Show when=move || failed().is_some()>
                <p class="server-error" role="alert" data-testid="server-error">{failed}</p>
            </Show>
            <Models/>
            // A single button, so that it keeps the focus.
            <button class:primary=move || !is_secondary() class:secondary=is_secondary type="submit"
                data-testid=move || if searching() { "server-cancel" } else { "server-connect" }
            >
                {move || if searching() { "Cancel" } else { "Connect" }}
            </button>
        </form>
    }
}

/// Inputs for the address and the API key.
#[component]
fn Inputs() -> impl IntoView {
    let app = app();
    let form = app.server_form;
    let invalid = move || {
        let failed = |now: &Connection| matches!(now, Connection::Failed(_));
        form.connection.with(failed).to_string()
    };
    // Typing cancels the search, because its result is for the old address and key.
    let retyped = move || {
        if form
            .connection
            .with_untracked(|now| *now != Connection::Idle)
        {
            state::cancel_connect(app);
        }
    };
    view! {
            <div class="settings-field">
                <label for="server-url">"Address of the server"</label>
                <input id="server-url" data-testid="server-url" type="text" inputmode="url"
                    autocomplete="off" autocapitalize="off" spellcheck="false"
                    placeholder="http://127.0.0.1:8000/v1" aria-describedby="server-url-help"
                    aria-invalid=invalid prop:value=move || form.url.get()
                    on:input=move |event| {
                        form.url.set(event_target_value(&event));
                        retyped();
                    }
                />
                <p class="help" id="server-url-help">
                    "llamaglass serve, vLLM, SGLang, llama.cpp, or another OpenAI-compatible server. Your messages are sent there and leave this browser."
                </p>
            </div>
            <div class="settings-field">
                <label for="server-key">"API key"</label>
                <input id="server-key" data-testid="server-key" type="password" autocomplete="off"
                    aria-describedby="server-key-help" prop:value=move || form.key.get()
                    on:input=move |event| {
                        form.key.set(event_target_value(&event));
                        retyped();
                    }
                />
                <p class="help" id="server-key-help">"Needed only if the server requires one. Not saved."</p>
            </div>
    }
}

/// Choice among several models.
#[component]
fn Models() -> impl IntoView {
    let app = app();
    move || match app.server_form.connection.get() {
        Connection::Choose { url, models } => Some(view! { <Choice url models/> }),
        _ => None,
    }
}

#[component]
fn Choice(url: String, models: Vec<ServedModel>) -> impl IntoView {
    let app = app();
    let saved = app.settings.with_untracked(|s| s.server.clone());
    let last = saved
        .filter(|saved| saved.url == url)
        .and_then(|saved| models.iter().position(|model| model.id == saved.model));
    let chosen = RwSignal::new(last.unwrap_or(0));
    let options = models.iter().enumerate().map(|(index, model)| {
        let id = model.id.clone();
        view! {
            <option value=index.to_string() selected=index == chosen.get_untracked()>{id}</option>
        }
    });
    let options = options.collect_view();
    let select = NodeRef::<Select>::new();
    Effect::new(move || {
        if let Some(select) = select.get() {
            let _ = select.focus();
        }
    });
    let choose = move |_| {
        if let Some(model) = models.get(chosen.get_untracked()) {
            state::use_model(app, url.clone(), model.clone());
        }
    };
    view! {
        <div class="settings-field">
            <label for="server-model">"Model"</label>
            <div class="server-models">
                <select id="server-model" data-testid="server-model" node_ref=select
                    on:change=move |event| {
                        chosen.set(event_target_value(&event).parse().unwrap_or_default());
                    }
                >
                    {options}
                </select>
                <button class="primary" type="button" data-testid="server-use" on:click=choose>"Use"</button>
            </div>
        </div>
    }
}
