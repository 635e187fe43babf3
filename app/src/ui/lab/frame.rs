//! A report in the page: the very file that is downloaded, in a frame without scripts. Its colours are those
//! of a system whose scheme is the page's, as browsers have it.

use leptos::html::Iframe;
use leptos::prelude::*;

/// Shows `html`, as high as it is.
#[component]
pub fn Report(html: String, title: String, id: String) -> impl IntoView {
    let frame = NodeRef::<Iframe>::new();
    let height = RwSignal::new(320.0);
    let inside = move || {
        let document = frame.get_untracked()?.content_document()?;
        document.document_element()
    };
    let fit = move || {
        if let Some(root) = inside() {
            // Without its own height, it is asked for that of what is in it.
            let wanted = f64::from(root.scroll_height());
            if (wanted - height.get_untracked()).abs() > 1.0 && wanted > 0.0 {
                height.set(wanted);
            }
        }
    };
    let resized = window_event_listener(leptos::ev::resize, move |_| fit());
    on_cleanup(move || resized.remove());
    view! {
        // Its own origin, so that its height can be read; no script of it runs.
        <iframe
            class="lab-report"
            data-testid=id
            title=title
            sandbox="allow-same-origin allow-popups"
            srcdoc=html
            node_ref=frame
            style:height=move || format!("{}px", height.get())
            on:load=move |_| fit()
        ></iframe>
    }
}
