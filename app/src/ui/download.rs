//! Downloads of files that the page creates.

use std::time::Duration;

use js_sys::Array;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, HtmlElement};

/// Maximum time for the browser to start the download, after which the file's URL is revoked.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Offers `text` as a file of media type `kind`.
pub fn download(file: &str, kind: &str, text: &str) {
    // Only logged: a browser that refuses shows a message of its own.
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
    set_timeout(
        move || drop(web_sys::Url::revoke_object_url(&url)),
        START_TIMEOUT,
    );
    Ok(())
}
