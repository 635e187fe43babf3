//! A button that copies text to the clipboard and says so for a moment.

use std::time::Duration;

use leptos::prelude::*;

use super::header::Icon;

/// How long the button says "Copied".
const SAID: Duration = Duration::from_millis(1500);

/// Copies what `text` gives when the button is pressed.
#[component]
pub fn CopyButton(
    /// Name in tests.
    id: &'static str,
    /// Words on the button.
    label: &'static str,
    text: impl Fn() -> String + Send + Sync + 'static,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let copy = move |_| {
        // A refusal has no effect but that the clipboard stays as it was.
        let _ = window().navigator().clipboard().write_text(&text());
        copied.set(true);
        // The button may be gone by then.
        set_timeout(move || copied.set(false), SAID);
    };
    view! {
        <button class="quiet" data-testid=id on:click=copy aria-live="polite">
            <Icon path="M9 9h10v11H9zM15 9V4H5v11h4"/>
            {move || if copied.get() { "Copied" } else { label }}
        </button>
    }
}
