//! Alerts for errors and notices, and the crash card of the engine.

use leptos::prelude::*;

use super::copy::CopyButton;
use super::icon::{CLOSE, Icon};
use crate::engine::Engine;
use crate::state::{self, app};

/// The error and the notice, each shown until it is dismissed or replaced.
#[component]
pub fn Alerts() -> impl IntoView {
    let app = app();
    view! {
        <Show when=move || app.error.with(Option::is_some)>
            <div class="alert error" role="alert" data-testid="error">
                <Icon path="M12 8v5M12 16.5v.01M12 3l9.5 17h-19z"/>
                <p>{move || app.error.get()}</p>
                <button class="dismiss" aria-label="Dismiss" data-testid="dismiss-error" on:click=move |_| app.error.set(None)>
                    <Icon path=CLOSE/>
                </button>
            </div>
        </Show>
        <Show when=move || app.notice.with(Option::is_some)>
            <div class="alert notice" role="status" data-testid="notice">
                <Icon path="M12 11v6M12 7.5v.01M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18"/>
                <p>{move || app.notice.get()}</p>
                <button class="dismiss" aria-label="Dismiss" data-testid="dismiss-notice" on:click=move |_| app.notice.set(None)>
                    <Icon path=CLOSE/>
                </button>
            </div>
        </Show>
    }
}

/// Card shown after the engine has crashed: its message, and buttons that restart the engine.
#[component]
pub fn Crashed() -> impl IntoView {
    let app = app();
    let message = move || match app.engine.get() {
        Engine::Crashed(message) => Some(message),
        _ => None,
    };
    view! {
        <Show when=move || message().is_some()>
            <section class="card crashed" role="alert" data-testid="crashed">
                <h2>"Something went wrong"</h2>
                <p>
                    "The engine stopped because of an unrecoverable error. The page and your conversation are intact."
                </p>
                <pre class="last-words">{message}</pre>
                <div class="crash-buttons">
                    <button class="primary" data-testid="restart-engine"
                        on:click=move |_| state::restart_engine(app)
                    >
                        "Restart the engine"
                    </button>
                    <button class="secondary" data-testid="restart-without-model"
                        on:click=move |_| state::cancel_load(app)
                    >
                        "Choose another model"
                    </button>
                    <CopyButton id="crashed-copy" label="Copy details"
                        text=move || untrack(message).unwrap_or_default()
                    />
                </div>
            </section>
        </Show>
    }
}
