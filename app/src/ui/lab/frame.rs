//! A report in the page: the very file that is downloaded, in a frame without scripts. Its colours are those
//! of a system whose scheme is the page's, as browsers have it.

use leptos::attr::custom::custom_attribute;
use leptos::html::Iframe;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, ResizeObserver};

/// Shows `html`, as high as it is.
#[component]
pub fn Report(html: String, title: String, id: String) -> impl IntoView {
    let frame = NodeRef::<Iframe>::new();
    let height = RwSignal::new(320.0);
    let root = move || {
        let document = frame.get_untracked()?.content_document()?;
        document.document_element()
    };
    let fit = move || {
        if let Some(root) = root() {
            // How far it scrolls would never be less than the frame is high.
            let wanted = root.get_bounding_client_rect().height().ceil();
            if wanted > 0.0 {
                height.set(wanted);
            }
        }
    };
    // The window becomes wider or narrower, and tables are unfolded.
    let watch = StoredValue::new_local(None::<Resizes>);
    let watch_root = move || {
        if let Some(root) = root() {
            watch.set_value(Resizes::of(&root, fit));
        }
    };
    view! {
        // Its own origin, so that its height can be read; no script of it runs.
        <iframe
            class="lab-report"
            data-testid=id
            title=title
            sandbox="allow-same-origin allow-popups"
            // What is as high as its content needs no bar, which would make that narrower, and so lower.
            {..custom_attribute("scrolling", "no")}
            srcdoc=html
            node_ref=frame
            style:height=move || format!("{}px", height.get())
            on:load=move |_| watch_root()
        ></iframe>
    }
}

/// Hears when an element's size has changed, for as long as it lives.
struct Resizes {
    observer: ResizeObserver,
    _heard: Closure<dyn FnMut()>,
}

impl Resizes {
    /// Calls `heard` soon, and from then on after each change; nothing in a browser without such a thing.
    fn of(element: &Element, heard: impl FnMut() + 'static) -> Option<Self> {
        let heard = Closure::<dyn FnMut()>::new(heard);
        let observer = ResizeObserver::new(heard.as_ref().unchecked_ref()).ok()?;
        observer.observe(element);
        Some(Self {
            observer,
            _heard: heard,
        })
    }
}

impl Drop for Resizes {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}
