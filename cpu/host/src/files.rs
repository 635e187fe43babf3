//! Addresses of the module's files.

use std::cell::RefCell;

use js_sys::Array;
use wasm_bindgen::JsValue;

use crate::js::{construct, get, global};

/// Addresses of the module's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The module for shared memory.
    pub threaded: String,
    /// The module for a browser that refuses shared memory.
    pub single: String,
    /// The script of a helper thread's worker.
    pub helper: String,
}

thread_local! {
    /// Files other than the page's.
    static OTHER: RefCell<Option<Files>> = const { RefCell::new(None) };
}

impl Files {
    /// Returns the files that [`Files::set`] set, or the page's.
    pub fn current() -> Self {
        OTHER
            .with_borrow(Clone::clone)
            .unwrap_or_else(Self::of_page)
    }

    /// Makes these the files of all models that are loaded later, for programs that are not part of the page.
    pub fn set(self) {
        OTHER.set(Some(self));
    }

    /// Returns the addresses of the page's files, which are beside the script that started the engine; it says so in the
    /// global variable `engineScript`.
    pub fn of_page() -> Self {
        let script = global("engineScript");
        let base = if script.is_string() {
            script
        } else {
            get(&global("location"), "href")
        };
        let beside = |name: &str| url(name, &base).unwrap_or_else(|| name.to_owned());
        Self {
            threaded: beside("cpu-threads.wasm"),
            single: beside("cpu.wasm"),
            helper: beside("cpu-helper.js"),
        }
    }
}

/// Resolves an address relative to `base`.
fn url(name: &str, base: &JsValue) -> Option<String> {
    let url = construct(global("URL"), &Array::of2(&name.into(), base)).ok()?;
    get(&url, "href").as_string()
}
