//! Finds the paths in a file that lead elsewhere in its crate: in `use` items, expressions, types and the
//! arguments of macros.

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{ItemMod, ItemUse, Macro, Path, UseTree};

use super::modules::Module;

/// A path that leads to a stage.
#[derive(Debug, PartialEq, Eq)]
pub struct Import {
    /// First path segment after `crate`.
    pub stage: String,
    /// Line number in the file, from 1.
    pub line: usize,
}

/// Returns every path of the file that leads through the crate root, written with `crate::` or `super::`.
pub fn crate_imports(module: &Module) -> Vec<Import> {
    let mut collector = Collector {
        place: module.path.clone(),
        found: Vec::new(),
    };
    collector.visit_file(&module.items);
    // Several names imported from one stage on one line count as one import.
    collector.found.dedup();
    collector.found
}

struct Collector {
    /// Path of the module that contains the visited item.
    place: Vec<String>,
    found: Vec<Import>,
}

impl Collector {
    /// Records the path if it leads from the crate root to a stage. `names` are its segments with their lines.
    fn note(&mut self, names: &[(String, usize)]) {
        let mut place: Option<&[String]> = None;
        for (name, line) in names {
            place = match (name.as_str(), place) {
                ("crate" | "$crate", None) => Some(&[]),
                ("self", None) => Some(&self.place),
                ("super", None) => Some(parent(&self.place)),
                ("super", Some(place)) => Some(parent(place)),
                // A name directly under the root is a stage.
                (_, Some([])) => {
                    self.found.push(Import {
                        stage: name.clone(),
                        line: *line,
                    });
                    return;
                }
                _ => return,
            };
        }
    }

    /// Visits a `use` tree; `names` are the segments that lead to it.
    fn walk(&mut self, tree: &UseTree, names: &mut Vec<(String, usize)>) {
        let depth = names.len();
        match tree {
            UseTree::Path(path) => {
                names.push((path.ident.to_string(), path.ident.span().start().line));
                self.walk(&path.tree, names);
            }
            UseTree::Name(name) => {
                names.push((name.ident.to_string(), name.ident.span().start().line));
                self.note(names);
            }
            UseTree::Rename(rename) => {
                names.push((rename.ident.to_string(), rename.ident.span().start().line));
                self.note(names);
            }
            UseTree::Glob(glob) => {
                names.push(("*".to_owned(), glob.star_token.spans[0].start().line));
                self.note(names);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.walk(tree, names)),
        }
        names.truncate(depth);
    }

    /// Records the paths in a macro's tokens, whose grammar is unknown.
    fn scan(&mut self, tokens: TokenStream) {
        let mut names: Vec<(String, usize)> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.note(&names);
                        names.clear();
                    }
                    names.push((ident.to_string(), ident.span().start().line));
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !names.is_empty() => {
                    colons += if colons == 0 && punct.spacing() == Spacing::Alone {
                        3
                    } else {
                        1
                    };
                }
                TokenTree::Group(group) => {
                    // `crate::{a, b}` in a macro: each name in the group continues the path.
                    let led: Vec<_> = if colons == 2 {
                        std::mem::take(&mut names)
                    } else {
                        Vec::new()
                    };
                    self.note(&names);
                    names.clear();
                    colons = 0;
                    self.scan_group(group.stream(), &led);
                }
                _ => {
                    self.note(&names);
                    names.clear();
                    colons = 0;
                }
            }
        }
        self.note(&names);
    }

    fn scan_group(&mut self, tokens: TokenStream, led: &[(String, usize)]) {
        let mut first = !led.is_empty();
        for token in tokens.clone() {
            match token {
                TokenTree::Ident(ident) if first => {
                    let line = ident.span().start().line;
                    let names: Vec<_> = led
                        .iter()
                        .cloned()
                        .chain([(ident.to_string(), line)])
                        .collect();
                    self.note(&names);
                    first = false;
                }
                TokenTree::Punct(punct) if punct.as_char() == ',' => first = !led.is_empty(),
                _ => {}
            }
        }
        self.scan(tokens);
    }
}

/// Returns the parent module; the root is its own parent.
fn parent(place: &[String]) -> &[String] {
    place.split_last().map_or(place, |(_, above)| above)
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_none() {
            self.walk(&item.tree, &mut Vec::new());
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() {
            let names = path
                .segments
                .iter()
                .map(|part| (part.ident.to_string(), part.ident.span().start().line));
            self.note(&names.collect::<Vec<_>>());
        }
        visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {
        // `pub(in crate::a)` states who may use the item; it imports nothing.
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.place.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.place.pop();
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        self.visit_path(&item.path);
        self.scan(item.tokens.clone());
    }
}
