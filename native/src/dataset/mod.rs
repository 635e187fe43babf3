//! Prompts from files: Alpaca's JSON, JSON lines, or plain lines.

mod parse;

use std::path::{Path, PathBuf};

use thiserror::Error;

/// The dataset that is used where none is named, written for this project.
const BUILT_IN: &str = include_str!("../../../bench/data/prompts.json");
/// What reports call it.
const BUILT_IN_NAME: &str = "built-in prompts";
/// The most bytes of a file that is read.
const LARGEST: u64 = 1 << 30;

/// Prompts, in the file's order; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// What reports call it: the file's name.
    pub name: String,
    /// What is asked.
    pub rows: Vec<Row>,
}

/// What is asked, and what might be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The prompt.
    pub prompt: String,
    /// The answer in the dataset, where it has one.
    pub reference: Option<String>,
}

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

impl Dataset {
    /// The prompts that come with the program.
    pub fn built_in() -> Self {
        Self {
            name: BUILT_IN_NAME.into(),
            // A test reads it.
            rows: parse::alpaca(BUILT_IN, None).unwrap_or_default(),
        }
    }

    /// Reads a file. `.json` is a list of objects, `.jsonl` an object a line, anything else a prompt a
    /// line; `field` names the objects' field with the prompt.
    ///
    /// # Errors
    /// [`DatasetError`].
    pub fn read(path: &Path, field: Option<&str>) -> Result<Self, DatasetError> {
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
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        let rows = match &*extension.to_string_lossy() {
            "json" => parse::alpaca(&text, field),
            "jsonl" | "ndjson" => parse::json_lines(&text, field),
            _ if field.is_some() => Err("--field is for .json and .jsonl files".into()),
            _ => parse::lines(&text),
        };
        let rows = rows.map_err(|fault| DatasetError::Form {
            path: path.to_owned(),
            fault,
        })?;
        let name = path.file_name().unwrap_or_default();
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            rows,
        })
    }

    /// Only its first `count` rows.
    pub fn take(&mut self, count: usize) {
        self.rows.truncate(count.max(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str, field: Option<&str>) -> Result<Dataset, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("writes");
        let read = Dataset::read(&path, field);
        read.map_err(|error| error.to_string().replace(&*path.to_string_lossy(), name))
    }

    fn prompts(dataset: &Dataset) -> Vec<&str> {
        dataset.rows.iter().map(|row| &*row.prompt).collect()
    }

    #[test]
    fn the_built_in_prompts_are_a_dataset_with_references() {
        let dataset = Dataset::built_in();
        assert!(dataset.rows.len() >= 60, "{}", dataset.rows.len());
        assert!(dataset.rows.iter().all(|row| row.reference.is_some()));
        let mut prompts = prompts(&dataset);
        prompts.sort_unstable();
        prompts.dedup();
        assert_eq!(prompts.len(), dataset.rows.len(), "one is there twice");
    }

    #[test]
    fn an_input_is_joined_to_its_instruction() {
        let text =
            r#"[{"instruction": "Add", "input": "1, 2", "output": "3"}, {"instruction": "Hi"}]"#;
        let mut dataset = read("d.json", text, None).expect("a dataset");
        assert_eq!(prompts(&dataset), ["Add:1, 2", "Hi"]);
        assert_eq!(dataset.rows[0].reference.as_deref(), Some("3"));
        assert_eq!(dataset.rows[1].reference, None);
        assert_eq!(dataset.name, "d.json");
        dataset.take(1);
        assert_eq!(prompts(&dataset), ["Add:1, 2"]);
    }

    #[test]
    fn json_lines_have_a_field_of_any_name() {
        let text = "{\"prompt\": \"a\"}\n\n{\"text\": \"b\"}\n{\"instruction\": \"c\", \"input\": \"d\"}\n";
        assert_eq!(
            prompts(&read("d.jsonl", text, None).expect("a dataset")),
            ["a", "b", "c:d"]
        );
        let text = "{\"question\": \"a\", \"prompt\": \"no\"}";
        assert_eq!(
            prompts(&read("d.jsonl", text, Some("question")).expect("a dataset")),
            ["a"]
        );
    }

    #[test]
    fn plain_text_is_a_prompt_a_line() {
        let dataset = read("d.txt", "a: b\r\n\n  c  \n", None).expect("a dataset");
        assert_eq!(prompts(&dataset), ["a: b", "c"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_file_and_row() {
        let fault = |name, text, field| read(name, text, field).expect_err("no dataset");
        assert_eq!(
            fault("d.json", r#"[{"instruction": "a"}, {"input": "b"}]"#, None),
            "d.json: row 2 has none of the fields prompt, text, instruction"
        );
        assert_eq!(
            fault("d.json", r#"[{"instruction": 3}]"#, None),
            "d.json: row 1: instruction is no text"
        );
        assert_eq!(
            fault("d.jsonl", "{\"prompt\": \"a\"}\n[1]\n", None),
            "d.jsonl: line 2 is no object"
        );
        assert_eq!(
            fault("d.jsonl", "{\"prompt\": \"a\"}\n", Some("q")),
            "d.jsonl: line 1 has no field q"
        );
        assert_eq!(
            fault("d.json", r#"[{"prompt": " "}]"#, None),
            "d.json: row 1: prompt is empty"
        );
        assert_eq!(
            fault("d.json", "[]", None),
            "d.json: there is no prompt in it"
        );
        assert_eq!(
            fault("d.txt", "\n \n", None),
            "d.txt: there is no prompt in it"
        );
        let no_json = fault("d.json", "{", None);
        assert!(
            no_json.starts_with("d.json: no list of objects: "),
            "{no_json}"
        );
        let no_json = fault("d.jsonl", "\n{", None);
        assert!(
            no_json.starts_with("d.jsonl: line 2 is no JSON: "),
            "{no_json}"
        );
        let missing = Dataset::read(Path::new("no/such.json"), None);
        let missing = missing.expect_err("it is not there").to_string();
        assert!(
            missing.starts_with("no/such.json could not be read"),
            "{missing}"
        );
    }
}
