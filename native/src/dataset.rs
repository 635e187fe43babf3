//! Prompt datasets from files.

use std::path::{Path, PathBuf};

use llamaglass_lab::dataset::Dataset;
use thiserror::Error;

use crate::cli::DatasetArgs;

/// Maximum size of a dataset file in bytes.
const LARGEST: u64 = 1 << 30;

/// Error of reading a dataset file.
#[derive(Debug, Error)]
pub enum DatasetError {
    /// The file can't be read.
    #[error("{path} could not be read: {error}", path = path.display())]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// Cause.
        error: std::io::Error,
    },
    /// The file is too large to be held in memory.
    #[error("{path} is larger than the {LARGEST} bytes that are read", path = path.display())]
    TooLarge {
        /// Path of the file.
        path: PathBuf,
    },
    /// The content has none of the supported forms.
    #[error("{path}: {fault}", path = path.display())]
    Form {
        /// Path of the file.
        path: PathBuf,
        /// Says what is wrong, and in which row.
        fault: String,
    },
}

/// Reads the dataset in a file; `field` names the field of each object that has the prompt.
///
/// # Errors
/// [`DatasetError`] if the file can't be read, is too large or has none of the supported forms.
pub fn read(path: &Path, field: Option<&str>) -> Result<Dataset, DatasetError> {
    let failed = |error| DatasetError::Read {
        path: path.to_owned(),
        error,
    };
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > LARGEST {
        let path = path.to_owned();
        return Err(DatasetError::TooLarge { path });
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Dataset::parse(&name, &text, field).map_err(|fault| DatasetError::Form {
        path: path.to_owned(),
        fault,
    })
}

/// Returns the first `take` rows of the dataset in a file, or of the built-in one.
///
/// # Errors
/// [`DatasetError`] if the file is not a valid dataset.
pub fn named(prompts: &DatasetArgs, take: Option<usize>) -> Result<Dataset, DatasetError> {
    let mut dataset = match &prompts.dataset {
        Some(path) => read(path, prompts.field.as_deref())?,
        None => Dataset::built_in(),
    };
    dataset.take(take.unwrap_or(usize::MAX));
    Ok(dataset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("d.json");
        std::fs::write(&path, r#"[{"instruction": 3}]"#).expect("writes");
        let fault = read(&path, None).expect_err("no dataset").to_string();
        assert!(
            fault.ends_with("d.json: row 1: instruction is no text"),
            "{fault}"
        );
        let missing = read(Path::new("no/such.json"), None);
        let missing = missing.expect_err("it is not there").to_string();
        assert!(
            missing.starts_with("no/such.json could not be read"),
            "{missing}"
        );
    }

    #[test]
    fn dataset_is_named_by_its_file_and_truncated() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("d.txt");
        std::fs::write(&path, "a\nb\nc\n").expect("writes");
        let prompts = |dataset| DatasetArgs {
            dataset,
            field: None,
        };
        let dataset = named(&prompts(Some(path)), Some(2)).expect("a dataset");
        assert_eq!((&*dataset.name, dataset.rows.len()), ("d.txt", 2));
        let built_in = named(&prompts(None), Some(3)).expect("a dataset");
        assert_eq!(built_in.rows.len(), 3);
    }
}
