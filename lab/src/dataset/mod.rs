//! Datasets of prompts and reference answers: Alpaca's JSON, JSON lines, or plain lines of text.

mod parse;

/// Default dataset, written for this project.
const BUILT_IN: &str = include_str!("../../../bench/data/prompts.json");
/// Name of the default dataset in reports.
const BUILT_IN_NAME: &str = "built-in prompts";

/// A list of prompts in file order; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Name in reports: the file name.
    pub name: String,
    /// Prompts and their references.
    pub rows: Vec<Row>,
}

/// A prompt and its reference answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The prompt.
    pub prompt: String,
    /// Reference answer, if the dataset has one.
    pub reference: Option<String>,
}

impl Dataset {
    /// Returns the prompts that come with the program.
    pub fn built_in() -> Self {
        Self {
            name: BUILT_IN_NAME.into(),
            // Can't fail: a test parses it.
            rows: parse::alpaca(BUILT_IN, None).unwrap_or_default(),
        }
    }

    /// Parses `text` of the file `name`: `.json` is a list of objects, `.jsonl` and `.ndjson` have one object
    /// per line, and any other file has one prompt per line. `field` is the objects' field that contains the
    /// prompt; `None` tries the usual names.
    /// A message that says what is wrong, and in which row or line.
    pub fn parse(name: &str, text: &str, field: Option<&str>) -> Result<Self, String> {
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let rows = match &*extension.to_ascii_lowercase() {
            "json" => parse::alpaca(text, field),
            "jsonl" | "ndjson" => parse::json_lines(text, field),
            _ if field.is_some() => Err("only .json and .jsonl files have fields".into()),
            _ => parse::lines(text),
        };
        Ok(Self {
            name: name.to_owned(),
            rows: rows?,
        })
    }

    /// Keeps the first `count` rows, but at least one.
    pub fn take(&mut self, count: usize) {
        self.rows.truncate(count.max(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompts(dataset: &Dataset) -> Vec<&str> {
        dataset.rows.iter().map(|row| &*row.prompt).collect()
    }

    #[test]
    fn built_in_prompts_are_unique_and_have_references() {
        let dataset = Dataset::built_in();
        assert!(dataset.rows.len() >= 60, "{}", dataset.rows.len());
        assert!(dataset.rows.iter().all(|row| row.reference.is_some()));
        let mut prompts = prompts(&dataset);
        prompts.sort_unstable();
        prompts.dedup();
        assert_eq!(prompts.len(), dataset.rows.len(), "one is there twice");
    }

    #[test]
    fn parse_joins_input_to_instruction() {
        let text =
            r#"[{"instruction": "Add", "input": "1, 2", "output": "3"}, {"instruction": "Hi"}]"#;
        let mut dataset = Dataset::parse("d.json", text, None).expect("a dataset");
        assert_eq!(prompts(&dataset), ["Add:1, 2", "Hi"]);
        assert_eq!(dataset.rows[0].reference.as_deref(), Some("3"));
        assert_eq!(dataset.rows[1].reference, None);
        assert_eq!(dataset.name, "d.json");
        dataset.take(1);
        assert_eq!(prompts(&dataset), ["Add:1, 2"]);
    }

    #[test]
    fn parse_reads_json_lines_with_any_field() {
        let text = "{\"prompt\": \"a\"}\n\n{\"text\": \"b\"}\n{\"instruction\": \"c\", \"input\": \"d\"}\n";
        let dataset = Dataset::parse("d.jsonl", text, None).expect("a dataset");
        assert_eq!(prompts(&dataset), ["a", "b", "c:d"]);
        let text = "{\"question\": \"a\", \"prompt\": \"no\"}";
        let dataset = Dataset::parse("d.JSONL", text, Some("question")).expect("a dataset");
        assert_eq!(prompts(&dataset), ["a"]);
    }

    #[test]
    fn parse_reads_plain_text_by_line() {
        let dataset = Dataset::parse("d.txt", "a: b\r\n\n  c  \n", None).expect("a dataset");
        assert_eq!(prompts(&dataset), ["a: b", "c"]);
    }

    #[test]
    fn parse_errors_name_row_or_line() {
        let fault = |name, text, field| Dataset::parse(name, text, field).expect_err("no dataset");
        assert_eq!(
            fault("d.json", r#"[{"instruction": "a"}, {"input": "b"}]"#, None),
            "row 2 has none of the fields prompt, text, instruction"
        );
        assert_eq!(
            fault("d.json", r#"[{"instruction": 3}]"#, None),
            "row 1: instruction is no text"
        );
        assert_eq!(
            fault("d.jsonl", "{\"prompt\": \"a\"}\n[1]\n", None),
            "line 2 is no object"
        );
        assert_eq!(
            fault("d.jsonl", "{\"prompt\": \"a\"}\n", Some("q")),
            "line 1 has no field q"
        );
        assert_eq!(
            fault("d.json", r#"[{"prompt": " "}]"#, None),
            "row 1: prompt is empty"
        );
        assert_eq!(fault("d.json", "[]", None), "there is no prompt in it");
        assert_eq!(fault("d.txt", "\n \n", None), "there is no prompt in it");
        let no_json = fault("d.json", "{", None);
        assert!(no_json.starts_with("no list of objects: "), "{no_json}");
        let no_json = fault("d.jsonl", "\n{", None);
        assert!(no_json.starts_with("line 2 is no JSON: "), "{no_json}");
    }
}
