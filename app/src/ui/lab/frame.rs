//! Shows a report in the page: the same file that is downloaded, in a frame without scripts. Browsers pass the
//! page's colour scheme on to the frame.

use leptos::attr::custom::custom_attribute;
use leptos::html::Iframe;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, ResizeObserver};

/// Height of the frame in pixels until its content is laid out.
const INITIAL_HEIGHT_PX: f64 = 320.0;

/// Shows `html` in a frame that is as high as its content.
#[component]
pub fn Report(html: String, title: String, id: String) -> impl IntoView {
    let frame = NodeRef::<Iframe>::new();
    let height = RwSignal::new(INITIAL_HEIGHT_PX);
    let root = move || {
        let document = frame.get_untracked()?.content_document()?;
        document.document_element()
    };
    let fit = move || {
        if let Some(root) = root() {
            // The scroll height would never be less than the frame's height.
            let wanted = root.get_bounding_client_rect().height().ceil();
            if wanted > 0.0 {
                height.set(wanted);
            }
        }
    };
    // The content's height changes when the window is resized and when tables are unfolded.
    let watch = StoredValue::new_local(None::<ResizeWatch>);
    let watch_root = move || {
        if let Some(root) = root() {
            watch.set_value(ResizeWatch::of(&root, fit));
        }
    };
    view! {
        // Same origin, so that the page can read the height; the frame runs no scripts.
        <iframe
            class="lab-report"
            data-testid=id
            title=title
            sandbox="allow-same-origin allow-popups"
            // The frame fits its content, so it needs no scroll bar, which would only make the content narrower.
            {..custom_attribute("scrolling", "no")}
            srcdoc=html
            node_ref=frame
            style:height=move || format!("{}px", height.get())
            on:load=move |_| watch_root()
        ></iframe>
    }
}

/// Observes the size of an element until it is dropped.
struct ResizeWatch {
    observer: ResizeObserver,
    _on_resize: Closure<dyn FnMut()>,
}

impl ResizeWatch {
    /// Calls `on_resize` soon, and again after each change. Returns `None` in a browser without `ResizeObserver`.
    fn of(element: &Element, on_resize: impl FnMut() + 'static) -> Option<Self> {
        let on_resize = Closure::<dyn FnMut()>::new(on_resize);
        let observer = ResizeObserver::new(on_resize.as_ref().unchecked_ref()).ok()?;
        observer.observe(element);
        Some(Self {
            observer,
            _on_resize: on_resize,
        })
    }
}

impl Drop for ResizeWatch {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}
