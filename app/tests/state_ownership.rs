//! Checks that `App::new` creates all state that outlives a component, under the owner of the whole page. Signals
//! created later would belong to the component whose handler happens to run, and would be disposed of with it.

#![cfg(not(target_arch = "wasm32"))]

use std::fs;
use std::path::{Path, PathBuf};

/// Files under `src/state` whose `fn new` is called by `App::new`.
const CONSTRUCTORS: [&str; 3] = ["app.rs", "data/lab.rs", "data/server_form.rs"];

/// Constructors of values that belong to the current owner.
const OWNED: [&str; 9] = [
    "RwSignal::new",
    "StoredValue::new",
    "Memo::new",
    "Signal::derive",
    "Effect::new",
    "Trigger::new",
    "Action::new",
    "NodeRef::new",
    "signal(",
];

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Returns the lines of `source` that create an owned value outside of the function `constructor`, or anywhere if
/// that is `None`.
fn violations(source: &str, constructor: Option<&str>) -> Vec<String> {
    let mut function = "";
    let mut found = Vec::new();
    for (index, line) in source.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        if let Some((_, rest)) = code.split_once("fn ") {
            function = rest.split(['(', '<']).next().unwrap_or_default();
        }
        let makes = OWNED.iter().any(|owned| {
            code.match_indices(owned).any(|(at, _)| {
                // Neither the end of a longer name (`ArcRwSignal::new` has no owner) nor a method.
                !code[..at].ends_with(|c: char| c.is_alphanumeric() || "_.".contains(c))
            })
        });
        if makes && constructor != Some(function) {
            found.push(format!("{}: {}", index + 1, line.trim()));
        }
    }
    found
}

#[test]
fn state_creates_owned_signals_only_in_constructors() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/state");
    let mut files = Vec::new();
    rust_files(&folder, &mut files);
    let mut found = Vec::new();
    let mut constructors = 0;
    for file in &files {
        let name = file.strip_prefix(&folder).expect("it is inside");
        let name = name.to_string_lossy().replace('\\', "/");
        let source = fs::read_to_string(file).expect("the file can be read");
        let is_constructor = CONSTRUCTORS.contains(&name.as_str());
        constructors += usize::from(is_constructor);
        let allowed = is_constructor.then_some("new");
        let lines = violations(&source, allowed);
        found.extend(lines.iter().map(|line| format!("state/{name}:{line}")));
    }
    assert_eq!(
        constructors,
        CONSTRUCTORS.len(),
        "a constructor's file moved"
    );
    assert!(
        found.is_empty(),
        "use an `Arc` signal, or a field of `App`:\n{}",
        found.join("\n")
    );
}

#[test]
fn signals_created_in_other_functions_are_found() {
    let source =
        "fn new() {\n let a = RwSignal::new(1);\n}\nfn send() {\n let b = RwSignal::new(1);\n}\n";
    assert_eq!(
        violations(source, Some("new")),
        ["5: let b = RwSignal::new(1);"]
    );
    assert_eq!(violations(source, None).len(), 2);
    let counted = "fn send() {\n let c = ArcRwSignal::new(1); // RwSignal::new\n}\n";
    assert!(violations(counted, None).is_empty());
}
