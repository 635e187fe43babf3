//! Checks that the engine's target-specific code stays in the folders meant for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result, anyhow, ensure};
use proc_macro2::{TokenStream, TokenTree};

use crate::context::{Context, Verdict};

/// Folders of `engine/src` that may depend on the target.
const ALLOWED: [&str; 2] = ["platform", "bytes"];

/// Predicates of a `cfg` that depend on the target.
const PREDICATES: [&str; 5] = [
    "target_arch",
    "target_family",
    "target_os",
    "unix",
    "windows",
];

/// Checks every file of the engine outside the folders in [`ALLOWED`].
pub fn run(context: &Context<'_>) -> Result<Verdict> {
    let source = context.project.root.join("engine/src");
    let mut faults = Vec::new();
    let files = files_with_extension(&source, "rs")?;
    for file in &files {
        let path = file.strip_prefix(&source).unwrap_or(file);
        if ALLOWED.iter().any(|folder| path.starts_with(folder)) {
            continue;
        }
        let text = fs::read_to_string(file)
            .with_context(|| format!("could not read {}", file.display()))?;
        let lines =
            predicates(&text).with_context(|| format!("could not parse {}", file.display()))?;
        faults.extend(
            lines
                .iter()
                .map(|line| format!("engine/src/{}:{line}", path.display())),
        );
    }
    ensure!(
        faults.is_empty(),
        "code depends on the target outside of {}:\n{}",
        ALLOWED.join("/ and ") + "/",
        faults.join("\n")
    );
    Ok(Verdict::PassedWith(format!("{} files", files.len())))
}

/// Returns the files with this extension at any depth below the folder, sorted.
pub fn files_with_extension(folder: &Path, wanted: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in folder
        .read_dir()
        .with_context(|| format!("could not list {}", folder.display()))?
    {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_with_extension(&path, wanted)?);
        } else if path
            .extension()
            .is_some_and(|extension| extension == wanted)
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Returns the lines on which a `cfg` depends on the target, as an attribute or a macro.
fn predicates(text: &str) -> Result<Vec<usize>> {
    let tokens = TokenStream::from_str(text).map_err(|error| anyhow!("{error}"))?;
    let mut lines = Vec::new();
    scan(tokens, false, &mut lines);
    lines.dedup();
    Ok(lines)
}

/// Collects the lines of [`PREDICATES`] in the tokens. `in_cfg` is true inside the parentheses of a `cfg`.
fn scan(tokens: TokenStream, in_cfg: bool, lines: &mut Vec<usize>) {
    let mut after_cfg = false;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                let name = ident.to_string();
                if in_cfg && PREDICATES.contains(&name.as_str()) {
                    lines.push(ident.span().start().line);
                }
                after_cfg = matches!(name.as_str(), "cfg" | "cfg_attr");
            }
            TokenTree::Group(group) => {
                scan(group.stream(), in_cfg || after_cfg, lines);
                after_cfg = false;
            }
            // The `!` of `cfg!(...)`.
            TokenTree::Punct(punct) if punct.as_char() == '!' => {}
            _ => after_cfg = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_predicate_is_found_in_attributes_and_macros() {
        for text in [
            "#[cfg(target_arch = \"wasm32\")] fn f() {}",
            "#[cfg(not(target_family = \"wasm\"))] fn f() {}",
            "#[cfg_attr(target_os = \"linux\", inline)] fn f() {}",
            "fn f() -> bool { cfg!(all(test, target_arch = \"wasm32\")) }",
            "fn f() { #[cfg(unix)] g(); }",
            "m! { #[cfg(windows)] x }",
        ] {
            assert_eq!(predicates(text).expect("parsed"), [1], "{text}");
        }
    }

    #[test]
    fn other_predicates_and_identifiers_are_ignored() {
        let text = "#[cfg(test)] mod tests {}\n#[cfg(feature = \"a\")] fn f(windows: u8, unix: u8) {}\n// target_arch";
        assert_eq!(predicates(text).expect("parsed"), [0; 0]);
    }
}
