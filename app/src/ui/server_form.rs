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
    let wants_key = move || app.server_form.own.get() == Some(Own::WantsKey);
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
        <Show when=wants_key>
            <p class="help">"The server that this page came from wants an API key."</p>
        </Show>
    }
}

/// Form with the address, the API key, and the server's models.
#[component]
pub fn ServerForm() -> impl IntoView {
    let app = app();
    let form = app.server_form;
    let asking = move || {
        form.connection
            .with(|now| matches!(now, Connection::Asking { .. }))
    };
    // Connect is not the primary button while another action is more likely.
    let second = move || {
        form.connection
            .with(|now| matches!(now, Connection::Asking { .. } | Connection::Choose { .. }))
    };
    let waits = move || match form.connection.get() {
        Connection::Asking { host } => Some(format!("Asking {host} which models it has…")),
        _ => None,
    };
    let failed = move || match form.connection.get() {
        Connection::Failed(why) => Some(why),
        _ => None,
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
    let element = NodeRef::<Form>::new();
    // Scrolls the form into view when it opens or grows: in a low window its button would be out of sight.
    Effect::new(move |opened: Option<bool>| {
        let told = matches!(
            form.connection.get(),
            Connection::Failed(_) | Connection::Choose { .. }
        );
        let element = element.get();
        let here = element.is_some();
        if let Some(element) = element.filter(|_| told || opened != Some(true)) {
            // Runs after this frame's other effects have drawn the form.
            request_animation_frame(move || element.scroll_into_view_with_bool(false));
        }
        here
    });
    view! {
        <form
            class="server-form"
            aria-label="A server that speaks OpenAI\u{2019}s protocol"
            node_ref=element
            on:submit=move |event| {
                event.prevent_default();
                if asking() {
                    state::cancel_connect(app);
                } else {
                    state::connect(app);
                }
            }
        >
            <div class="settings-field">
                <label for="server-url">"Address of the server"</label>
                <input
                    id="server-url"
                    data-testid="server-url"
                    type="text"
                    inputmode="url"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    placeholder="http://127.0.0.1:8000/v1"
                    aria-describedby="server-url-help"
                    aria-invalid=move || failed().is_some().to_string()
                    prop:value=move || form.url.get()
                    on:input=move |event| {
                        form.url.set(event_target_value(&event));
                        retyped();
                    }
                />
                <p class="help" id="server-url-help">
                    "llamaglass serve, vLLM, SGLang, llama.cpp, or any other that speaks OpenAI\u{2019}s protocol. What you type is sent there, and leaves this browser."
                </p>
            </div>
            <div class="settings-field">
                <label for="server-key">"API key"</label>
                <input
                    id="server-key"
                    data-testid="server-key"
                    type="password"
                    autocomplete="off"
                    aria-describedby="server-key-help"
                    prop:value=move || form.key.get()
                    on:input=move |event| {
                        form.key.set(event_target_value(&event));
                        retyped();
                    }
                />
                <p class="help" id="server-key-help">
                    "Only where the server wants one. Forgotten when this page is closed."
                </p>
            </div>
            <div aria-live="polite">
                <Show when=asking>
                    <p class="help" data-testid="server-asking">{waits}</p>
                </Show>
            </div>
            <Show when=move || failed().is_some()>
                <p class="server-error" role="alert" data-testid="server-error">{failed}</p>
            </Show>
            <Models/>
            // A single button, so that it keeps the focus.
            <button
                class:primary=move || !second()
                class:secondary=second
                type="submit"
                data-testid=move || if asking() { "server-cancel" } else { "server-connect" }
            >
                {move || if asking() { "Cancel" } else { "Connect" }}
            </button>
        </form>
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
    let kept = app.settings.with_untracked(|s| s.server.clone());
    let last = kept
        .filter(|kept| kept.url == url)
        .and_then(|kept| models.iter().position(|model| model.id == kept.model));
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
                <select
                    id="server-model"
                    data-testid="server-model"
                    node_ref=select
                    on:change=move |event| {
                        chosen.set(event_target_value(&event).parse().unwrap_or_default());
                    }
                >
                    {options}
                </select>
                <button class="primary" type="button" data-testid="server-use" on:click=choose>
                    "Use it"
                </button>
            </div>
        </div>
    }
}
