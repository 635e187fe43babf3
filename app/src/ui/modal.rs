//! Modal dialogs.

use leptos::html::Dialog;
use leptos::prelude::*;

use super::icon::{CLOSE, Icon};

/// Dialog with a title and a button that closes it, shown while `open` is true. Its test ids begin with `id`.
#[component]
pub fn Modal(
    id: &'static str,
    classes: &'static str,
    title: &'static str,
    #[prop(default = "Close")] close: &'static str,
    open: RwSignal<bool>,
    children: Children,
) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move || {
        let Some(dialog) = dialog.get() else { return };
        match (open.get(), dialog.open()) {
            (true, false) => {
                let _ = dialog.show_modal();
            }
            (false, true) => dialog.close(),
            _ => {}
        }
    });
    let title_id = format!("{id}-title");
    let close_id = format!("{id}-close");
    view! {
        <dialog class=classes aria-labelledby=title_id.clone() node_ref=dialog on:close=move |_| open.set(false)>
            <div class="dialog-head">
                <h2 id=title_id.clone()>{title}</h2>
                <button class="tool" aria-label=close data-testid=close_id on:click=move |_| open.set(false)>
                    <Icon path=CLOSE/>
                </button>
            </div>
            <div class="dialog-body">{children()}</div>
        </dialog>
    }
}
