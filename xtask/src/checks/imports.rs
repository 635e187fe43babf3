//! Checks that no modules of a crate import each other in a circle; cargo forbids that only among crates.
//!
//! A circle is reported among modules that have the same parent. An import from a file at any depth counts as an
//! import from the module that contains it. A module and its own children may import each other, and inline modules
//! named `tests` may import anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::str::FromStr as _;

use anyhow::{Context as _, Result, anyhow, ensure};
use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use super::targets::files_with_extension;
use crate::context::{Context, Verdict};
use crate::metadata;

/// Maximum number of re-exports that lead from an imported name to its module.
const MAX_REEXPORTS: usize = 8;

/// Module path in a crate, such as `["weights", "gguf"]`; empty for the root.
type ModulePath = Vec<String>;

/// Checks every crate of the workspace.
pub fn run(context: &Context<'_>) -> Result<Verdict> {
    let root = &context.project.root;
    let mut files = 0;
    let mut faults = Vec::new();
    for package in metadata::packages(root)? {
        let source = package.folder().join("src");
        let name = source.strip_prefix(root).unwrap_or(&source);
        let modules = Modules::read(&source)?;
        files += modules.sources.len();
        for (parent, imports) in modules.circles() {
            let parent = name.join(parent.join("/"));
            faults.push(format!(
                "in {}:\n  {}",
                parent.display(),
                imports.join("\n  ")
            ));
        }
    }
    ensure!(
        faults.is_empty(),
        "modules import each other in a circle\n{}",
        faults.join("\n")
    );
    Ok(Verdict::PassedWith(format!("{files} files")))
}

/// A path that a file mentions.
struct Reference {
    /// Module that contains the path; an inline module counts as one.
    module: ModulePath,
    segments: Vec<String>,
    /// Name that the path gets in its module, if a `use` item introduces it.
    binding: Option<String>,
    /// Line number, from 1.
    line: usize,
}

/// The modules of a crate.
struct Modules {
    /// File, relative to the folder of the sources, and module path of each file, with its references.
    sources: Vec<(String, ModulePath, Vec<Reference>)>,
    /// All module paths that have a file or a folder.
    known: BTreeSet<ModulePath>,
    /// Path of a name that a `use` item introduces: by the module's path with the name appended.
    bindings: BTreeMap<ModulePath, Vec<String>>,
}

impl Modules {
    /// Reads every file below the folder.
    fn read(folder: &Path) -> Result<Self> {
        let mut modules = Self {
            sources: Vec::new(),
            known: BTreeSet::new(),
            bindings: BTreeMap::new(),
        };
        for path in files_with_extension(folder, "rs")? {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("could not read {}", path.display()))?;
            let file = path.strip_prefix(folder).unwrap_or(&path);
            modules.add(&file.to_string_lossy(), &text)?;
        }
        Ok(modules)
    }

    /// Adds a file by its path relative to the folder of the sources.
    fn add(&mut self, file: &str, text: &str) -> Result<()> {
        let mut module: ModulePath = file
            .trim_end_matches(".rs")
            .split(['/', '\\'])
            .map(str::to_owned)
            .collect();
        if module.last().is_some_and(|name| name == "mod") || matches!(file, "lib.rs" | "main.rs") {
            module.pop();
        }
        let tokens = TokenStream::from_str(text)
            .map_err(|error| anyhow!("could not parse {file}: {error}"))?;
        let mut scanner = Scanner(Vec::new());
        scanner.scan(tokens, &module, &[], false);
        for reference in &scanner.0 {
            if let Some(name) = &reference.binding {
                let key = [&reference.module[..], std::slice::from_ref(name)].concat();
                self.bindings.insert(key, reference.segments.clone());
            }
        }
        self.known
            .extend((0..=module.len()).map(|length| module[..length].to_vec()));
        self.sources.push((file.to_owned(), module, scanner.0));
        Ok(())
    }

    /// Returns the module that a path leads to, through re-exports.
    fn resolve(&self, module: &[String], segments: &[String], reexports: usize) -> ModulePath {
        let mut module = module.to_vec();
        for (index, name) in segments.iter().enumerate() {
            match name.as_str() {
                "crate" => module.clear(),
                "self" => {}
                "super" => drop(module.pop()),
                _ => {
                    let child = [&module[..], std::slice::from_ref(name)].concat();
                    if self.known.contains(&child) {
                        module = child;
                    } else if let Some(path) = self.bindings.get(&child)
                        && reexports < MAX_REEXPORTS
                    {
                        let path = [path, &segments[index + 1..]].concat();
                        return self.resolve(&module, &path, reexports + 1);
                    } else {
                        break;
                    }
                }
            }
        }
        module
    }

    /// Returns the parents whose children import each other in a circle, with a line for each such import.
    fn circles(&self) -> BTreeMap<ModulePath, Vec<String>> {
        let mut parents: BTreeMap<ModulePath, BTreeMap<(&str, String), String>> = BTreeMap::new();
        for (file, from, references) in &self.sources {
            for reference in references {
                let to = self.resolve(&reference.module, &reference.segments, 0);
                let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
                if shared < from.len() && shared < to.len() {
                    let names = (from[shared].as_str(), to[shared].clone());
                    let line = format!(
                        "{} imports {} in {file}:{}",
                        names.0, names.1, reference.line
                    );
                    let imports = parents.entry(from[..shared].to_vec()).or_default();
                    imports.entry(names).or_insert(line);
                }
            }
        }
        for imports in parents.values_mut() {
            // Removes modules that import nothing or that nothing imports, until only circles are left.
            let mut count = 0;
            while count != imports.len() {
                count = imports.len();
                let from: BTreeSet<String> =
                    imports.keys().map(|(from, _)| (*from).to_owned()).collect();
                let to: BTreeSet<String> = imports.keys().map(|(_, to)| to.clone()).collect();
                imports.retain(|names, _| to.contains(names.0) && from.contains(&names.1));
            }
        }
        parents
            .into_iter()
            .filter(|(_, imports)| !imports.is_empty())
            .map(|(parent, imports)| (parent, imports.into_values().collect()))
            .collect()
    }
}

/// Collects the paths in a file's tokens: in `use` items, expressions, types and the arguments of macros.
struct Scanner(Vec<Reference>);

impl Scanner {
    /// Scans tokens of the module `module`. In a group of a path, such as `a::{b, c}`, `prefix` is the path before
    /// it; `using` is true inside a `use` item.
    fn scan(&mut self, tokens: TokenStream, module: &[String], prefix: &[String], mut using: bool) {
        let mut path = prefix.to_vec();
        // Colons since the last identifier: two of them continue the path.
        let mut colons = if prefix.is_empty() { 0 } else { 2 };
        let mut line = 0;
        let mut inline_module = None;
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) if using && ident == "as" => {
                    let alias = tokens.next().map(|alias| alias.to_string());
                    self.note(module, std::mem::take(&mut path), alias, line);
                }
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end(module, std::mem::take(&mut path), using, line);
                    }
                    colons = 0;
                    let next: Option<&TokenTree> = tokens.peek();
                    match (ident.to_string().as_str(), next) {
                        ("use", _) => using = true,
                        ("mod", Some(TokenTree::Ident(name))) => {
                            inline_module = Some(name.to_string())
                        }
                        // `pub(in path)` says who may use the item and imports nothing.
                        ("pub", Some(TokenTree::Group(_))) => drop(tokens.next()),
                        (name, _) => {
                            line = Ident::span(&ident).start().line;
                            path.push(name.to_owned());
                        }
                    }
                }
                TokenTree::Group(group) if colons == 2 && group.delimiter() == Delimiter::Brace => {
                    self.scan(group.stream(), module, &std::mem::take(&mut path), using);
                    colons = 0;
                }
                TokenTree::Group(group) => {
                    self.end(module, std::mem::take(&mut path), using, line);
                    colons = 0;
                    let name = inline_module.take();
                    if name.as_deref() != Some("tests") {
                        let inner: ModulePath = module.iter().cloned().chain(name).collect();
                        self.scan(group.stream(), &inner, &[], false);
                    }
                }
                other => {
                    self.end(module, std::mem::take(&mut path), using, line);
                    colons = 0;
                    match other.to_string().as_str() {
                        "," if !prefix.is_empty() => {
                            path = prefix.to_vec();
                            colons = 2;
                        }
                        ";" => {
                            using = false;
                            inline_module = None;
                        }
                        _ => {}
                    }
                }
            }
        }
        self.end(module, path, using, line);
    }

    /// Notes a path that ends without an alias.
    fn end(&mut self, module: &[String], path: Vec<String>, using: bool, line: usize) {
        let binding = path.iter().rfind(|name| *name != "self").cloned();
        self.note(module, path, binding.filter(|_| using), line);
    }

    /// Keeps the path if it leads elsewhere in the crate or introduces a name.
    fn note(&mut self, module: &[String], path: Vec<String>, binding: Option<String>, line: usize) {
        let internal = path
            .first()
            .is_some_and(|name| matches!(name.as_str(), "crate" | "self" | "super"));
        if internal || (binding.is_some() && !path.is_empty()) {
            self.0.push(Reference {
                module: module.to_vec(),
                segments: path,
                binding,
                line,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the imports that are part of a circle in a crate of these files, by parent.
    fn circles(files: &[(&str, &str)]) -> Vec<(String, Vec<String>)> {
        let mut modules = Modules {
            sources: Vec::new(),
            known: BTreeSet::new(),
            bindings: BTreeMap::new(),
        };
        for (file, text) in files {
            modules.add(file, text).expect("parsed");
        }
        let circles = modules.circles().into_iter();
        circles
            .map(|(parent, imports)| (parent.join("/"), imports))
            .collect()
    }

    #[test]
    fn circle_is_found_in_every_syntax() {
        for text in [
            "use crate::a::Tensor;",
            "use crate::{c::Span, a::{self}};",
            "use super::a;",
            "fn f() -> crate::a::Tensor { todo!() }",
            "fn f() { crate::a::load::<u8>(); }",
            "fn f() { println!(\"{}\", crate::a::COUNT); }",
            "some_macro! { use crate::{c, a}; }",
            "mod inner { use super::super::a; }",
            "mod inner { use crate::a as w; }",
            "impl crate::a::Load for A {}",
            "fn f<T: Into<crate::a::Tensor>>(_: T) {}",
        ] {
            let found = circles(&[
                ("lib.rs", "mod a; mod b; mod c;"),
                ("a.rs", "\nuse crate::b::B;"),
                ("b.rs", text),
                ("c.rs", ""),
            ]);
            let imports = ["a imports b in a.rs:2", "b imports a in b.rs:1"];
            assert_eq!(
                found,
                [(String::new(), imports.map(str::to_owned).to_vec())],
                "{text}"
            );
        }
    }

    #[test]
    fn circle_of_three_is_found_through_files_and_reexports() {
        let found = circles(&[
            ("lib.rs", "pub use parent::c::C;"),
            ("parent/a/deep.rs", "use super::super::b::B;"),
            ("parent/b/mod.rs", "fn f(_: crate::C) {}"),
            ("parent/c.rs", "use super::a;"),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].0.as_str(), found[0].1.len()),
            ("parent", 3),
            "{found:?}"
        );
    }

    #[test]
    fn imports_of_one_direction_of_parents_and_of_other_crates_are_allowed() {
        let found = circles(&[
            ("lib.rs", "mod a; mod b; use a::A;"),
            (
                "a/mod.rs",
                "mod inner; pub use inner::Inner; use crate::b::B;",
            ),
            ("a/inner.rs", "use super::A; use crate::a::Other;"),
            (
                "b.rs",
                "mod tests { use crate::a; } pub(in crate::a) use ::a::X; use std::a; fn f(crate_a: u8) { a::load(); } m! { a::B, x::a::C }",
            ),
        ]);
        assert_eq!(found, []);
    }
}
