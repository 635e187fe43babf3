//! Prompts and what might be answered: Alpaca's JSON, JSON lines, or plain lines.

mod parse;

/// The dataset that is used where none is named, written for this project.
const BUILT_IN: &str = include_str!("../../../bench/data/prompts.json");
/// What reports call it.
const BUILT_IN_NAME: &str = "built-in prompts";

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

impl Dataset {
    /// The prompts that come with the program.
    pub fn built_in() -> Self {
        Self {
            name: BUILT_IN_NAME.into(),
            // A test reads it.
            rows: parse::alpaca(BUILT_IN, None).unwrap_or_default(),
        }
    }

    /// What is in a file called `name`: `.json` is a list of objects, `.jsonl` an object a line, anything
    /// else a prompt a line; `field` names the objects' field with the prompt.
    ///
    /// # Errors
    /// What is wrong, and in which row or line.
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

    /// Only its first `count` rows.
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
        let mut dataset = Dataset::parse("d.json", text, None).expect("a dataset");
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
        let dataset = Dataset::parse("d.jsonl", text, None).expect("a dataset");
        assert_eq!(prompts(&dataset), ["a", "b", "c:d"]);
        let text = "{\"question\": \"a\", \"prompt\": \"no\"}";
        let dataset = Dataset::parse("d.JSONL", text, Some("question")).expect("a dataset");
        assert_eq!(prompts(&dataset), ["a"]);
    }

    #[test]
    fn plain_text_is_a_prompt_a_line() {
        let dataset = Dataset::parse("d.txt", "a: b\r\n\n  c  \n", None).expect("a dataset");
        assert_eq!(prompts(&dataset), ["a: b", "c"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_row() {
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
