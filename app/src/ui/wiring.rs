//! Connects the page to the document around it.

use std::rc::Rc;

use leptos::prelude::*;
use llamaglass_web::property;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

use crate::catalog::{CatalogModel, parse_catalog};
use crate::client::{Client, Listener, SwitchClient, in_desktop};
use crate::gpu_advice::BrowserFacts;
use crate::state::{self, App, ChatStorage};

/// Starts the engine and, if the page came from a server, fetches the server's list of models.
pub fn connect(app: App) {
    state::attach_client(app, client);
    if in_desktop() {
        return;
    }
    leptos::task::spawn_local(async move {
        let catalog = fetch_catalog().await;
        // An empty list comes from `llamaglass serve`, which offers no models to load but answers with one. Any
        // other server would only log that it has no such address.
        let is_own_server = matches!(&catalog, Ok(models) if models.is_empty());
        app.catalog.set(Some(match is_own_server {
            true => Err("its list is empty".into()),
            false => catalog,
        }));
        if is_own_server {
            state::find_own(app).await;
        }
    });
}

/// Returns where this tab saves its conversation, as decided by `public/boot.js`.
pub async fn chat_storage() -> ChatStorage {
    let promise = property(&window(), "llamaglassTab");
    let is_shared = match promise.and_then(|it| it.dyn_into::<js_sys::Promise>().ok()) {
        Some(promise) => JsFuture::from(promise).await.ok(),
        None => None,
    };
    match is_shared.and_then(|shared| shared.as_bool()) {
        Some(false) => ChatStorage::Tab,
        _ => ChatStorage::Shared,
    }
}

/// Saves the conversation if the page is left in the middle of an answer.
pub fn save_on_leaving(app: App) {
    let left = leptos::ev::Custom::<web_sys::Event>::new("pagehide");
    let handle = window_event_listener(left, move |_| {
        if app.running.get_untracked().is_some() {
            app.save_chat();
        }
    });
    on_cleanup(move || handle.remove());
}

fn client(listener: Listener) -> Rc<dyn Client> {
    Rc::new(SwitchClient::new(listener, engine))
}

#[cfg(not(feature = "mock"))]
fn engine(listener: Listener) -> Rc<dyn Client> {
    match crate::client::DesktopClient::connect(&listener) {
        Some(client) => Rc::new(client),
        None => Rc::new(crate::client::WorkerClient::new(listener)),
    }
}

#[cfg(feature = "mock")]
fn engine(listener: Listener) -> Rc<dyn Client> {
    Rc::new(crate::client::mock::MockClient::new(listener, 30))
}

async fn fetch_catalog() -> Result<Vec<CatalogModel>, String> {
    let failed =
        |error: wasm_bindgen::JsValue| format!("models.json could not be fetched: {error:?}");
    let response = JsFuture::from(window().fetch_with_str("models.json"))
        .await
        .map_err(failed)?;
    let response: web_sys::Response = response.unchecked_into();
    if !response.ok() {
        return Err(format!(
            "models.json: the server answered HTTP {}",
            response.status()
        ));
    }
    let text = JsFuture::from(response.text().map_err(failed)?)
        .await
        .map_err(failed)?;
    parse_catalog(&text.as_string().unwrap_or_default()).map_err(|error| error.to_string())
}

/// Removes the splash, which the document shows until the page is mounted.
pub fn remove_splash() {
    if let Some(splash) = document().get_element_by_id("splash") {
        splash.remove();
    }
}

/// Applies the theme setting to the document.
pub fn theme(app: App) {
    Effect::new(move || {
        let theme = app.settings.with(|s| s.theme);
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("data-theme", theme.name());
        }
    });
}

/// Stops the answer on Escape, unless a dialog is open, which Escape then closes.
pub fn keys(app: App) {
    let handle = window_event_listener(leptos::ev::keydown, move |event| {
        let dialog = document().query_selector("dialog[open]").ok().flatten();
        if event.key() == "Escape" && dialog.is_none() && app.running.get_untracked().is_some() {
            event.prevent_default();
            state::stop(app);
        }
    });
    on_cleanup(move || handle.remove());
}

/// Returns the properties of the browser that decide whether WebGPU is available.
pub fn facts() -> BrowserFacts {
    let navigator = window().navigator();
    BrowserFacts {
        user_agent: navigator.user_agent().unwrap_or_default(),
        has_webgpu: property(&navigator, "gpu").is_some(),
        is_secure: window().is_secure_context(),
    }
}
