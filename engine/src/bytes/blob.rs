//! A file that the user opened in a browser.

use async_trait::async_trait;
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

use super::{ByteSource, BytesError, end_of_range};

/// A browser's `Blob` or `File`, read range by range and never as a whole.
#[derive(Clone, Debug)]
pub struct BlobSource {
    name: String,
    blob: Blob,
}

impl BlobSource {
    /// Creates a source named `name` over `blob`, which may be a `File`.
    pub fn new(name: impl Into<String>, blob: Blob) -> Self {
        Self {
            name: name.into(),
            blob,
        }
    }
}

#[async_trait(?Send)]
impl ByteSource for BlobSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.blob.size() as u64
    }

    async fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>, BytesError> {
        let end = end_of_range(&self.name, offset, len, self.len())?;
        let failed = |error: JsValue| BytesError::Io {
            name: self.name.clone(),
            offset,
            wanted: len as u64,
            message: message(&error),
        };
        let part = self
            .blob
            .slice_with_f64_and_f64(offset as f64, end as f64)
            .map_err(failed)?;
        let buffer = JsFuture::from(part.array_buffer()).await.map_err(failed)?;
        let bytes = Uint8Array::new(&buffer).to_vec();
        if bytes.len() == len {
            Ok(bytes)
        } else {
            Err(failed(JsValue::from_str(&format!(
                "read only {} bytes; the file may have changed",
                bytes.len()
            ))))
        }
    }
}

/// Returns the message of a thrown value.
pub(super) fn message(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(
        || format!("{error:?}"),
        |error| String::from(error.message()),
    )
}
