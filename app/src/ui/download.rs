//! Files that the page offers.

use std::time::Duration;

use js_sys::Array;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, HtmlElement};

/// How long the browser may take to begin with a file.
const BEGINS: Duration = Duration::from_secs(60);

/// Offers `text` of a media type as a file.
pub fn download(file: &str, kind: &str, text: &str) {
    // A browser that refuses has its own words for it.
    if let Err(error) = offer(file, kind, text) {
        web_sys::console::error_1(&error);
    }
}

fn offer(file: &str, kind: &str, text: &str) -> Result<(), JsValue> {
    let blob = Blob::new_with_str_sequence(&Array::of1(&text.into()))?;
    let blob = blob.slice_with_f64_and_f64_and_content_type(0.0, blob.size(), kind)?;
    let url = web_sys::Url::create_object_url_with_blob(&blob)?;
    let link: HtmlElement = document().create_element("a")?.unchecked_into();
    link.set_attribute("href", &url)?;
    link.set_attribute("download", file)?;
    link.click();
    set_timeout(move || drop(web_sys::Url::revoke_object_url(&url)), BEGINS);
    Ok(())
}
