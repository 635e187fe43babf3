//! Models that the page's own server offers: `/models.json`.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A model file on the page's server, under `models/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogModel {
    /// Display name.
    pub name: String,
    /// File name in the folder `models/`.
    pub file: String,
    /// File size in bytes.
    pub bytes: u64,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// True for the model that the page offers first.
    #[serde(default)]
    pub default: bool,
}

/// Reason why a catalog is unusable.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CatalogError {
    /// The JSON is invalid or has the wrong structure.
    #[error("models.json: {0}")]
    Json(String),
    /// A file name may point outside the folder.
    #[error("models.json: {name}: the file name {file:?} must be a plain name without slashes")]
    FileName {
        /// Name of the model.
        name: String,
        /// Its file name.
        file: String,
    },
    /// A digest is malformed.
    #[error("models.json: {name}: sha256 must have 64 hexadecimal digits")]
    Digest {
        /// Name of the model.
        name: String,
    },
}

/// Parses a catalog. An empty one is valid: `llamaglass serve --page` has no files for the page, only a model that
/// answers at `/v1`.
///
/// # Errors
/// [`CatalogError`] for the first invalid entry.
pub fn parse_catalog(json: &str) -> Result<Vec<CatalogModel>, CatalogError> {
    let mut models: Vec<CatalogModel> =
        serde_json::from_str(json).map_err(|error| CatalogError::Json(error.to_string()))?;
    for model in &mut models {
        let plain = !model.file.is_empty()
            && !model.file.starts_with('.')
            && !model.file.contains(['/', '\\', '?', '#', '%']);
        if !plain {
            return Err(CatalogError::FileName {
                name: model.name.clone(),
                file: model.file.clone(),
            });
        }
        if model.sha256.len() != 64 || !model.sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(CatalogError::Digest {
                name: model.name.clone(),
            });
        }
        model.sha256.make_ascii_lowercase();
    }
    Ok(models)
}

/// Returns the model to offer first: the one marked as default, otherwise the first.
pub fn default_model(models: &[CatalogModel]) -> Option<&CatalogModel> {
    models.iter().find(|m| m.default).or(models.first())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "B179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

    fn entry(file: &str, sha256: &str, default: bool) -> String {
        format!(
            r#"{{"name":"M","file":"{file}","bytes":5,"sha256":"{sha256}","default":{default}}}"#
        )
    }

    #[test]
    fn marked_model_is_default_and_digests_are_lower_case() {
        let entries = [("a.gguf", false), ("b.gguf", true)];
        let entries = entries.map(|(file, default)| entry(file, DIGEST, default));
        let models = parse_catalog(&format!("[{}]", entries.join(","))).expect("parses");
        assert_eq!(default_model(&models).map(|m| &*m.file), Some("b.gguf"));
        assert!(models[0].sha256.starts_with("b179"));
    }

    #[test]
    fn file_name_outside_folder_is_rejected() {
        for file in ["../secret", "a/b.gguf", "", ".hidden", "a%2fb"] {
            let result = parse_catalog(&format!("[{}]", entry(file, DIGEST, true)));
            assert!(
                matches!(result, Err(CatalogError::FileName { .. })),
                "{file}"
            );
        }
    }

    #[test]
    fn empty_catalog_is_accepted_and_offers_nothing() {
        let models = parse_catalog("[]").expect("parses");
        assert_eq!(default_model(&models), None);
    }

    #[test]
    fn broken_catalog_is_error_of_its_kind() {
        assert!(matches!(parse_catalog("{"), Err(CatalogError::Json(_))));
        let result = parse_catalog(&format!("[{}]", entry("a.gguf", "12", true)));
        assert!(matches!(result, Err(CatalogError::Digest { .. })));
    }
}
