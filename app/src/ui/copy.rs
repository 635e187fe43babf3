//! A button that copies text to the clipboard and says for a moment whether that worked.

use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::icon::Icon;

/// Time for which the button shows the outcome.
const SHOWN_FOR: Duration = Duration::from_millis(1500);

/// Button that copies the text that `text` returns.
#[component]
pub fn CopyButton(
    /// Test id.
    id: &'static str,
    /// Label of the button.
    label: &'static str,
    /// Returns the text to copy.
    text: impl Fn() -> String + Send + Sync + 'static,
) -> impl IntoView {
    let outcome = RwSignal::new(None);
    let copy = move |_| {
        let text = text();
        leptos::task::spawn_local(async move {
            outcome.set(Some(match write(&text).await {
                true => "Copied",
                false => "Could not copy",
            }));
            // The button may be gone by then, which `set` ignores.
            set_timeout(move || outcome.set(None), SHOWN_FOR);
        });
    };
    view! {
        <button class="quiet" data-testid=id on:click=copy aria-live="polite">
            <Icon path="M9 9h10v11H9zM15 9V4H5v11h4"/>
            {move || outcome.get().unwrap_or(label)}
        </button>
    }
}

/// Writes to the clipboard. Returns whether the browser allowed it.
async fn write(text: &str) -> bool {
    // A page that came from another machine without HTTPS has no clipboard.
    if !window().is_secure_context() {
        return false;
    }
    let written = window().navigator().clipboard().write_text(text);
    JsFuture::from(written).await.is_ok()
}
