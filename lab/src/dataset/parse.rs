//! Parsers for the formats of a dataset.

use serde_json::{Map, Value};

use super::Row;

/// Fields that may contain the prompt, in order of preference.
const FIELDS: [&str; 3] = ["prompt", "text", "instruction"];
/// Fields that may contain the reference answer, in order of preference.
const REFERENCES: [&str; 4] = ["output", "response", "completion", "answer"];

type Rows = Result<Vec<Row>, String>;

/// Parses a list of objects.
pub fn alpaca(text: &str, field: Option<&str>) -> Rows {
    let list: Vec<Value> =
        serde_json::from_str(text).map_err(|error| format!("no list of objects: {error}"))?;
    let rows = list.iter().enumerate();
    some(rows.map(|(index, value)| row(&format!("row {}", index + 1), value, field)))
}

/// Parses one object per line; skips empty lines.
pub fn json_lines(text: &str, field: Option<&str>) -> Rows {
    let lines = text.lines().enumerate();
    some(
        lines
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(index, line)| {
                let place = format!("line {}", index + 1);
                let value = serde_json::from_str(line)
                    .map_err(|error| format!("{place} is no JSON: {error}"))?;
                row(&place, &value, field)
            }),
    )
}

/// Parses one prompt per line; skips empty lines.
pub fn lines(text: &str) -> Rows {
    let prompts = text.lines().map(str::trim).filter(|line| !line.is_empty());
    some(prompts.map(|prompt| {
        Ok(Row {
            prompt: prompt.to_owned(),
            reference: None,
        })
    }))
}

fn some(rows: impl Iterator<Item = Result<Row, String>>) -> Rows {
    let rows: Vec<Row> = rows.collect::<Result<_, _>>()?;
    if rows.is_empty() {
        return Err("there is no prompt in it".into());
    }
    Ok(rows)
}

fn row(place: &str, value: &Value, field: Option<&str>) -> Result<Row, String> {
    let object = value
        .as_object()
        .ok_or_else(|| format!("{place} is no object"))?;
    let name = match field {
        Some(field) if object.contains_key(field) => field,
        Some(field) => return Err(format!("{place} has no field {field}")),
        None => FIELDS
            .into_iter()
            .find(|name| object.contains_key(*name))
            .ok_or_else(|| format!("{place} has none of the fields {}", FIELDS.join(", ")))?,
    };
    let said = text(place, object, name)?.unwrap_or_default();
    if said.trim().is_empty() {
        return Err(format!("{place}: {name} is empty"));
    }
    let input = match name {
        "instruction" => text(place, object, "input")?.filter(|input| !input.is_empty()),
        _ => None,
    };
    let prompt = input.map_or_else(|| said.to_owned(), |input| format!("{said}:{input}"));
    let reference = REFERENCES
        .into_iter()
        .find_map(|name| object.get(name)?.as_str());
    Ok(Row {
        prompt,
        reference: reference.map(str::to_owned),
    })
}

/// Returns a field that must be text, if it exists.
fn text<'a>(
    place: &str,
    object: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a str>, String> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{place}: {name} is no text")),
    }
}
