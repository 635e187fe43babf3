//! Finds the controls in the page's sources by their literal test ids.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Elements that a person clicks, types into or chooses from.
const CONTROLS: [&str; 6] = ["button", "input", "select", "textarea", "summary", "a"];
/// Files whose controls no browser shows: only the desktop program has them, and the check `desktop`
/// uses them there.
const EXCLUDED: [&str; 1] = ["program.rs"];
/// The attribute that holds a literal test id.
const ATTRIBUTE: &str = "data-testid=\"";

/// Returns the literal test ids of all controls in the `.rs` files below the folder. Ids that are built at run
/// time, such as `lab-run-NAME`, are found on the page itself.
pub fn controls(folder: &Path) -> Result<BTreeSet<String>> {
    let mut ids = BTreeSet::new();
    let entries = folder
        .read_dir()
        .with_context(|| format!("could not list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            ids.extend(controls(&path)?);
        } else if name.ends_with(".rs") && !EXCLUDED.contains(&&*name) {
            let source = fs::read_to_string(&path)
                .with_context(|| format!("could not read {}", path.display()))?;
            ids.extend(controls_in(&source));
        }
    }
    Ok(ids)
}

/// Returns the test ids of the controls in a file's `view!` macros.
fn controls_in(source: &str) -> impl Iterator<Item = String> {
    source.match_indices(ATTRIBUTE).filter_map(|(at, _)| {
        let id = source[at + ATTRIBUTE.len()..].split('"').next()?;
        CONTROLS
            .contains(&element_around(&source[..at])?)
            .then(|| id.to_owned())
    })
}

/// Returns the name of the element in whose attributes the text ends: the one after the last `<` that opens a tag.
fn element_around(text: &str) -> Option<&str> {
    let (at, _) = text.rmatch_indices('<').find(|(at, _)| {
        let next = text[at + 1..].chars().next();
        // Skips closing tags, comparisons and generic types.
        next.is_some_and(|next| next.is_ascii_lowercase())
            && !text[..*at].ends_with([':', '_'])
            && !text[..*at].ends_with(char::is_alphanumeric)
    })?;
    let name = &text[at + 1..];
    let end = name.find(|c: char| !c.is_ascii_alphanumeric());
    Some(&name[..end.unwrap_or(name.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_ids_of_controls_are_found() {
        let source = r#"
            <p data-testid="words">{text}</p>
            <button
                class="primary"
                on:click=move |_| things.iter().collect::<Vec<String>>().len() < 3
                data-testid="go"
            >
            <input data-testid=id type="text"/>
            <select id="x" data-testid="list">
            <summary data-testid="more">
        "#;
        let ids: Vec<String> = controls_in(source).collect();
        assert_eq!(ids, ["go", "list", "more"]);
    }
}
