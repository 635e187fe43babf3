//! Checks the documentation: chapters, links, anchors, and the files and flags that it names. Builds the book if
//! mdBook is installed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::targets::files_with_extension;
use crate::command;
use crate::context::{Context, Verdict};

/// Folder of the book.
const BOOK: &str = "docs";
/// List of the book's chapters.
const SUMMARY: &str = "docs/SUMMARY.md";
/// Address under which the book links to files outside its folder, because mdBook copies only that folder.
const REPOSITORY: &str = "https://github.com/llamaglass/llamaglass/blob/main/";
/// Folders outside the book that have documents; those below them are not read.
const FOLDERS: [&str; 3] = ["", "bench/results", "fuzz"];
/// Folders that builds create.
const GENERATED: [&str; 3] = ["dist", "target", "desktop/page"];
/// Folders of the sources that define flags.
const COMMANDS: [&str; 3] = ["native/src", "desktop/src", "xtask/src"];
/// First words of commands that are not ours, so that their flags are not checked.
const OTHER_COMMANDS: [&str; 8] = [
    "cargo", "curl", "git", "npm", "pip", "rustup", "sudo", "python3",
];

/// Checks every document, and builds the book if mdBook is installed.
pub fn run(context: &Context<'_>) -> Result<Verdict> {
    let root = &context.project.root;
    let documents = read_documents(root)?;
    let flags = defined_flags(root)?;
    let mut faults = missing_chapters(&documents);
    for (path, document) in &documents {
        let file = path.display();
        for (link, line) in &document.links {
            if let Err(reason) = check_link(root, &documents, path, link) {
                faults.push(format!("{file}:{line}: {reason}"));
            }
        }
        for (code, line) in &document.code {
            if is_path(root, code) && !root.join(code).exists() {
                faults.push(format!("{file}:{line}: there is no {code}"));
            }
            for flag in mentioned_flags(code).filter(|flag| !flags.contains(*flag)) {
                faults.push(format!("{file}:{line}: no command has a flag --{flag}"));
            }
        }
    }
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    let note = format!("{} documents", documents.len());
    if command::output(Command::new("mdbook").arg("--version")).is_err() {
        return Ok(Verdict::PassedWith(note + "; mdbook is not installed"));
    }
    let mut build = Command::new("mdbook");
    build.arg("build").arg(root.join(BOOK));
    command::run(
        build
            .arg("--dest-dir")
            .arg(context.project.target.join("book")),
    )?;
    Ok(Verdict::PassedWith(note + ", built"))
}

/// The parts of a document that are checked, each with its line number.
#[derive(Default)]
struct Document {
    links: Vec<(String, usize)>,
    /// Code spans, and the lines of code blocks without their comments.
    code: Vec<(String, usize)>,
    /// Anchors of the headings.
    anchors: BTreeSet<String>,
}

impl Document {
    fn parse(text: &str) -> Self {
        let mut document = Self::default();
        let mut heading: Option<String> = None;
        let mut in_block = false;
        let mut line = 1;
        let mut counted = 0;
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            // Events of a table or list may begin before the end of earlier ones.
            if range.start > counted {
                line += text[counted..range.start].matches('\n').count();
                counted = range.start;
            }
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    document.links.push((dest_url.into_string(), line));
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    document
                        .anchors
                        .extend(heading.take().as_deref().map(anchor));
                }
                Event::Start(Tag::CodeBlock(_)) => in_block = true,
                Event::End(TagEnd::CodeBlock) => in_block = false,
                Event::Code(code) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&code);
                    }
                    document.code.push((code.into_string(), line));
                }
                Event::Text(block) if in_block => {
                    let lines = block
                        .lines()
                        .map(|code| code.split(" #").next().unwrap_or(code));
                    let numbered = lines
                        .enumerate()
                        .map(|(index, code)| (code.trim().to_owned(), line + index));
                    document.code.extend(numbered);
                }
                Event::Text(part) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&part);
                    }
                }
                _ => {}
            }
        }
        document
    }
}

/// Returns the anchor of a heading, as GitHub and mdBook make it.
fn anchor(heading: &str) -> String {
    let heading = heading.to_lowercase().replace(' ', "-");
    heading
        .chars()
        .filter(|&letter| letter.is_alphanumeric() || matches!(letter, '-' | '_'))
        .collect()
}

/// Reads all documents, by their paths relative to the checkout.
fn read_documents(root: &Path) -> Result<BTreeMap<PathBuf, Document>> {
    let mut files = files_with_extension(&root.join(BOOK), "md")?;
    for folder in FOLDERS {
        for entry in root.join(folder).read_dir()? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                files.push(path);
            }
        }
    }
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file)
            .with_context(|| format!("could not read {}", file.display()))?;
        let path = file.strip_prefix(root).unwrap_or(&file).to_path_buf();
        Ok((path, Document::parse(&text)))
    };
    files.into_iter().map(read).collect()
}

/// Returns a line for each document of the book that its summary does not list.
fn missing_chapters(documents: &BTreeMap<PathBuf, Document>) -> Vec<String> {
    let listed: BTreeSet<PathBuf> = documents
        .get(Path::new(SUMMARY))
        .into_iter()
        .flat_map(|summary| &summary.links)
        .map(|(link, _)| Path::new(BOOK).join(link))
        .collect();
    let is_missing = |path: &&PathBuf| {
        path.starts_with(BOOK) && *path != Path::new(SUMMARY) && !listed.contains(*path)
    };
    let missing = documents.keys().filter(is_missing);
    missing
        .map(|path| format!("{SUMMARY} does not list {}", path.display()))
        .collect()
}

/// Checks that the file and the heading to which a link leads exist.
fn check_link(
    root: &Path,
    documents: &BTreeMap<PathBuf, Document>,
    from: &Path,
    link: &str,
) -> Result<(), String> {
    let (target, fragment) = link.split_once('#').unwrap_or((link, ""));
    let path = if let Some(path) = target.strip_prefix(REPOSITORY) {
        PathBuf::from(path)
    } else if target.contains("://") {
        return Ok(());
    } else if target.is_empty() {
        from.to_path_buf()
    } else {
        let path = normalized(&from.with_file_name("").join(target));
        if from.starts_with(BOOK) && !path.starts_with(BOOK) {
            return Err(format!(
                "{link} leaves the book: link to {REPOSITORY}{}",
                path.display()
            ));
        }
        path
    };
    if !root.join(&path).exists() {
        return Err(format!("{link} leads nowhere"));
    }
    match documents.get(&path) {
        Some(document) if !fragment.is_empty() && !document.anchors.contains(fragment) => {
            Err(format!("{} has no heading #{fragment}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Resolves the `..` of a path.
fn normalized(path: &Path) -> PathBuf {
    let mut normalized = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(normalized.pop()),
            Component::CurDir => {}
            other => normalized.push(other),
        }
    }
    normalized
}

/// Returns true if the code is a path in the checkout, without placeholders such as `NAME`.
fn is_path(root: &Path, code: &str) -> bool {
    let Some((folder, _)) = code.split_once('/') else {
        return false;
    };
    let is_plain = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_-./".contains(letter)
    };
    !folder.is_empty()
        && code.chars().all(is_plain)
        && root.join(folder).is_dir()
        && !GENERATED
            .iter()
            .any(|generated| code.starts_with(generated))
}

/// Returns the flags of our commands in the code, without their dashes.
fn mentioned_flags(code: &str) -> impl Iterator<Item = &str> {
    let first = code.split_whitespace().next().unwrap_or_default();
    let ours = code.starts_with("cargo xtask") || !OTHER_COMMANDS.contains(&first);
    let words = code.split(|letter: char| letter.is_whitespace() || "=|".contains(letter));
    words
        .filter(move |_| ours)
        .filter_map(|word| word.strip_prefix("--"))
        .filter(|flag| flag.starts_with(|letter: char| letter.is_ascii_lowercase()))
}

/// Returns the names of the fields in files that define arguments, as clap turns them into flags.
fn defined_flags(root: &Path) -> Result<BTreeSet<String>> {
    let mut flags = BTreeSet::from(["help".to_owned(), "version".to_owned()]);
    for folder in COMMANDS {
        for file in files_with_extension(&root.join(folder), "rs")? {
            let text = fs::read_to_string(&file)
                .with_context(|| format!("could not read {}", file.display()))?;
            if text.contains("#[arg(") {
                flags.extend(text.lines().filter_map(field_name));
                let explicit = text.split("long = \"").skip(1);
                flags.extend(explicit.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
            }
        }
    }
    Ok(flags)
}

/// Returns the name of the field that the line declares, with dashes.
fn field_name(line: &str) -> Option<String> {
    let (name, _) = line
        .trim_start()
        .trim_start_matches("pub ")
        .split_once(": ")?;
    Some(name.trim_start_matches("r#").replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_has_links_code_and_anchors() {
        let text = "# The `x` of it\n\nSee [a](b.md#c) and `cargo xtask run --port 1`.\n\n    llamaglass chat --raw  # --no\n";
        let document = Document::parse(text);
        assert_eq!(document.links, [("b.md#c".to_owned(), 3)]);
        assert!(
            document.anchors.contains("the-x-of-it"),
            "{:?}",
            document.anchors
        );
        let flags: Vec<&str> = document
            .code
            .iter()
            .flat_map(|(code, _)| mentioned_flags(code))
            .collect();
        assert_eq!(flags, ["port", "raw"]);
        assert_eq!(mentioned_flags("cargo build --locked").count(), 0);
    }

    #[test]
    fn broken_links_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        for file in ["docs/a.md", "docs/b/c.md", "README.md"] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("created");
            fs::write(path, "# Some heading\n").expect("written");
        }
        let documents = BTreeMap::from([(
            PathBuf::from("docs/a.md"),
            Document::parse("# Some heading\n"),
        )]);
        let check =
            |link: &str| check_link(folder.path(), &documents, Path::new("docs/b/c.md"), link);
        for link in [
            "../a.md#some-heading",
            "c.md",
            "https://burn.dev",
            &format!("{REPOSITORY}README.md"),
        ] {
            assert_eq!(check(link), Ok(()), "{link}");
        }
        for link in [
            "../a.md#other",
            "a.md",
            "../../README.md",
            &format!("{REPOSITORY}none.md"),
        ] {
            assert!(check(link).is_err(), "{link}");
        }
        let unlisted = missing_chapters(&documents);
        assert_eq!(unlisted, ["docs/SUMMARY.md does not list docs/a.md"]);
    }

    #[test]
    fn flags_are_found_in_argument_structs() {
        let lines = ["    pub max_queue: usize,", "    r#raw: bool,", "fn f() {"];
        let names: Vec<String> = lines.into_iter().filter_map(field_name).collect();
        assert_eq!(names, ["max-queue", "raw"]);
    }
}
