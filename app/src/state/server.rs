//! Finds a server and chooses among its models. The loaded model stays until the user chooses another one.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use llamaglass_openai::{ServedModel, ServerAddress};
use web_sys::AbortController;

use super::app::App;
use super::data::{Connection, OwnServer};
use super::model;
use crate::client::models;
use crate::engine::Engine;
use crate::protocol::ModelSource;
use crate::server::{ApiKey, SavedServer, ServerError, ServerModel, check_mixed, host};

/// Maximum time for a server to list its models, in seconds.
const TIMEOUT_S: u32 = 20;

/// Asks the server at the typed address for its models. A single model is used at once.
pub fn connect(app: App) {
    cancel_connect(app);
    let form = app.server_form;
    let typed = form.url.get_untracked();
    let protocol = window().location().protocol().unwrap_or_default();
    let url = ServerAddress::parse(&typed)
        .map_err(ServerError::from)
        .and_then(|address| check_mixed(&protocol, address.base()).map(|()| address.to_string()));
    let url = match url {
        Ok(url) => url,
        Err(error) => return form.connection.set(Connection::Failed(error.to_string())),
    };
    let Ok(controller) = AbortController::new() else {
        return;
    };
    app.inner().connecting.replace(Some(controller.clone()));
    form.connection
        .set(Connection::Searching { host: host(&url) });
    spawn_local(async move {
        let key = ApiKey::new(&form.key.get_untracked());
        let found = fetch_models(&url, key.as_ref(), &controller).await;
        // The search was cancelled, which has updated the form already; another search may be running.
        let Some(found) = found else { return };
        app.inner().connecting.replace(None);
        match found {
            Err(error) => form.connection.set(Connection::Failed(error.to_string())),
            Ok(models) => match models.as_slice() {
                [model] => use_model(app, url, model.clone()),
                _ => form.connection.set(Connection::Choose { url, models }),
            },
        }
    });
}

/// Cancels the search.
pub fn cancel_connect(app: App) {
    if let Some(controller) = app.inner().connecting.take() {
        controller.abort();
    }
    app.server_form.connection.set(Connection::Idle);
}

/// Loads a server's model, which answers from now on.
pub fn use_model(app: App, url: String, model: ServedModel) {
    let form = app.server_form;
    form.connection.set(Connection::Idle);
    form.open.set(false);
    form.url.set(url.clone());
    app.model_open.set(false);
    let saved = SavedServer {
        url: url.clone(),
        model: model.id.clone(),
    };
    app.settings
        .update(|settings| settings.server = Some(saved));
    app.save_settings();
    let key = ApiKey::new(&form.key.get_untracked());
    let server = ServerModel { url, model };
    model::load(app, ModelSource::Server { server, key }, Vec::new());
}

/// Finds out whether the page came from a server of ours. That server is used if no models came with the page.
pub async fn find_own(app: App) {
    let Ok(origin) = window().location().origin() else {
        return;
    };
    let (Ok(address), Ok(controller)) = (ServerAddress::parse(&origin), AbortController::new())
    else {
        return;
    };
    let url = address.to_string();
    let form = app.server_form;
    let has_no_models = app
        .catalog
        .with_untracked(|catalog| matches!(catalog, Some(Err(_))));
    match fetch_models(&url, None, &controller).await {
        Some(Ok(models)) => {
            let Some(model) = models.into_iter().find(|model| model.sends_timings) else {
                return;
            };
            let server = ServerModel {
                url: url.clone(),
                model: model.clone(),
            };
            form.own.set(Some(OwnServer::Serves(server)));
            let idle = matches!(app.engine.get_untracked(), Engine::Starting | Engine::Empty);
            if has_no_models && idle && !form.open.get_untracked() {
                use_model(app, url, model);
            }
        }
        // Another service at this address may require a key, too, so this counts only if the page has no models.
        Some(Err(ServerError::Key { .. })) if has_no_models => {
            form.own.set(Some(OwnServer::NeedsKey));
            form.url.set(url);
            form.open.set(true);
        }
        _ => {}
    }
}

/// Returns the server's models, or `None` if the search was cancelled.
async fn fetch_models(
    url: &str,
    key: Option<&ApiKey>,
    controller: &AbortController,
) -> Option<Result<Vec<ServedModel>, ServerError>> {
    let timed_out = Rc::new(Cell::new(false));
    let timer = {
        let (timed_out, controller) = (Rc::clone(&timed_out), controller.clone());
        let abort = move || {
            timed_out.set(true);
            controller.abort();
        };
        set_timeout_with_handle(abort, Duration::from_secs(TIMEOUT_S.into()))
    };
    let signal = controller.signal();
    let found = models(url, key, &signal).await;
    if let Ok(timer) = timer {
        timer.clear();
    }
    match found {
        _ if timed_out.get() => Some(Err(ServerError::Slow {
            host: host(url),
            seconds: TIMEOUT_S,
        })),
        _ if signal.aborted() => None,
        found => Some(found),
    }
}
