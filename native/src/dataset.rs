//! Prompts from files.

use std::path::{Path, PathBuf};

use llamaglass_lab::dataset::Dataset;
use thiserror::Error;

use crate::cli::DatasetArgs;

/// The most bytes of a file that is read.
const LARGEST: u64 = 1 << 30;

/// Why a file is no dataset.
#[derive(Debug, Error)]
pub enum DatasetError {
    /// It can't be read.
    #[error("{path} could not be read: {error}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Too much to be held in memory.
    #[error("{path} is larger than the {LARGEST} bytes that are read", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// What is in it has none of the forms.
    #[error("{path}: {fault}", path = path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong, and in which row.
        fault: String,
    },
}

/// Reads the dataset in a file; `field` names the objects' field with the prompt.
///
/// # Errors
/// [`DatasetError`].
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

/// The first `take` rows of the dataset in a file, or of the one that comes with the program.
///
/// # Errors
/// [`DatasetError`].
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
    fn what_is_wrong_is_said_with_its_file() {
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
    fn a_file_is_named_by_its_last_part_and_cut_to_what_is_taken() {
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
