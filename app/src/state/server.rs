//! Finding a server and choosing among its models. Nothing that answers is disturbed until one is chosen.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use llamaglass_openai::{ServedModel, base_url};
use web_sys::AbortController;

use super::{App, Engine, model, storage};
use crate::client::models;
use crate::protocol::ModelSource;
use crate::server::{ApiKey, KeptServer, ServerError, ServerModel, check_mixed, host};

/// How long a server may take to say what it has.
const PATIENCE_S: u32 = 20;

/// What is typed of a server, and how far the search for it is.
#[derive(Clone, Copy, Debug)]
pub struct ServerForm {
    /// Whether it is open.
    pub open: RwSignal<bool>,
    /// Its address, as typed.
    pub url: RwSignal<String>,
    /// Its key, as typed; never kept.
    pub key: RwSignal<String>,
    /// How far the search is.
    pub connection: RwSignal<Connection>,
    /// The server that the page came from, where that is one of ours.
    pub own: RwSignal<Option<OwnServer>>,
}

/// How far the search for a server's models is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// It has not begun.
    #[default]
    Idle,
    /// The server was asked.
    Asking {
        /// The machine and its port.
        host: String,
    },
    /// It can't be used, for this reason.
    Failed(String),
    /// It has several models.
    Choose {
        /// Its base.
        url: String,
        /// Which.
        models: Vec<ServedModel>,
    },
}

/// The server that the page came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnServer {
    /// It has this model.
    Serves(ServerModel),
    /// It wants a key before it says anything.
    WantsKey,
}

impl ServerForm {
    /// A form with what an earlier visit kept.
    pub fn new(kept: Option<&KeptServer>) -> Self {
        Self {
            open: RwSignal::new(false),
            url: RwSignal::new(kept.map(|kept| kept.url.clone()).unwrap_or_default()),
            key: RwSignal::new(String::new()),
            connection: RwSignal::new(Connection::Idle),
            own: RwSignal::new(None),
        }
    }
}

/// Asks the server at the typed address for its models. The only one is used at once.
pub fn connect(app: App) {
    cancel_connect(app);
    let form = app.server_form;
    let typed = form.url.get_untracked();
    let protocol = window().location().protocol().unwrap_or_default();
    let url = base_url(&typed)
        .map_err(ServerError::from)
        .and_then(|url| check_mixed(&protocol, &url).map(|()| url));
    let url = match url {
        Ok(url) => url,
        Err(error) => return form.connection.set(Connection::Failed(error.to_string())),
    };
    let Ok(controller) = AbortController::new() else {
        return;
    };
    app.inner().connecting.replace(Some(controller.clone()));
    form.connection.set(Connection::Asking {
        host: host(&url).to_owned(),
    });
    spawn_local(async move {
        let key = ApiKey::new(&form.key.get_untracked());
        let found = ask(&url, key.as_ref(), &controller).await;
        // Whoever cancelled has said so already, and may have asked another one since.
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

/// Gives the search up.
pub fn cancel_connect(app: App) {
    if let Some(controller) = app.inner().connecting.take() {
        controller.abort();
    }
    app.server_form.connection.set(Connection::Idle);
}

/// Lets a server's model answer from now on.
pub fn use_model(app: App, url: String, model: ServedModel) {
    let form = app.server_form;
    form.connection.set(Connection::Idle);
    form.open.set(false);
    form.url.set(url.clone());
    app.model_open.set(false);
    let kept = KeptServer {
        url: url.clone(),
        model: model.id.clone(),
    };
    app.settings.update(|settings| settings.server = Some(kept));
    storage::save_settings(app);
    let key = ApiKey::new(&form.key.get_untracked());
    let server = ServerModel { url, model };
    model::load(app, ModelSource::Server { server, key }, Vec::new());
}

/// Finds out whether the page came from a server of ours. Where no model came with the page, that server
/// is used.
pub async fn find_own(app: App) {
    let Ok(origin) = window().location().origin() else {
        return;
    };
    let (Ok(url), Ok(controller)) = (base_url(&origin), AbortController::new()) else {
        return;
    };
    let form = app.server_form;
    let alone = app
        .catalog
        .with_untracked(|catalog| matches!(catalog, Some(Err(_))));
    match ask(&url, None, &controller).await {
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
            if alone && idle && !form.open.get_untracked() {
                use_model(app, url, model);
            }
        }
        // Something else of this address may want a key, too: only where there are no models, it counts.
        Some(Err(ServerError::Key { .. })) if alone => {
            form.own.set(Some(OwnServer::WantsKey));
            form.url.set(url);
            form.open.set(true);
        }
        _ => {}
    }
}

/// The server's models; `None` where the search was given up.
async fn ask(
    url: &str,
    key: Option<&ApiKey>,
    controller: &AbortController,
) -> Option<Result<Vec<ServedModel>, ServerError>> {
    let slow = Rc::new(Cell::new(false));
    let timer = {
        let (slow, controller) = (Rc::clone(&slow), controller.clone());
        let give_up = move || {
            slow.set(true);
            controller.abort();
        };
        set_timeout_with_handle(give_up, Duration::from_secs(PATIENCE_S.into()))
    };
    let signal = controller.signal();
    let found = models(url, key, &signal).await;
    if let Ok(timer) = timer {
        timer.clear();
    }
    match found {
        _ if slow.get() => Some(Err(ServerError::Slow {
            host: host(url).to_owned(),
            seconds: PATIENCE_S,
        })),
        _ if signal.aborted() => None,
        found => Some(found),
    }
}
