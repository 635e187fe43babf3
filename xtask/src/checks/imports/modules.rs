//! Finds a crate's source files as the compiler does: by following `mod` declarations.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use syn::{Attribute, Expr, ExprLit, Item, ItemMod, Lit, Meta};

/// One source file.
pub struct Module {
    /// Path of the file.
    pub file: PathBuf,
    /// Module path in the crate, such as `["weights", "gguf"]`; empty for the root.
    pub path: Vec<String>,
    /// Parsed content of the file.
    pub items: syn::File,
}

impl Module {
    /// Returns the stage that the module belongs to, the first segment of its path; `None` for the root.
    pub fn stage(&self) -> Option<&str> {
        self.path.first().map(String::as_str)
    }
}

/// Reads the root file and every file that it declares, at any depth.
///
/// # Errors
/// If a file is missing or can't be parsed.
pub fn walk(root: &Path) -> Result<Vec<Module>> {
    let mut found = Vec::new();
    let folder = root.parent().context("the root file has no folder")?;
    read(root, folder, Vec::new(), &mut found)?;
    Ok(found)
}

/// Reads `file` and the files that it declares, which are looked for in `folder`.
fn read(file: &Path, folder: &Path, path: Vec<String>, found: &mut Vec<Module>) -> Result<()> {
    let text =
        fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
    let items =
        syn::parse_file(&text).with_context(|| format!("could not parse {}", file.display()))?;
    let mut declared = Vec::new();
    declarations(&items.items, folder, &path, &mut declared);
    found.push(Module {
        file: file.to_path_buf(),
        path,
        items,
    });
    for declaration in declared {
        let target = locate(&declaration, file)?;
        read(
            &target,
            &declaration.folder.join(&declaration.name),
            declaration.path,
            found,
        )?;
    }
    Ok(())
}

/// A `mod name;`, whose content is in a file of its own.
struct Declaration {
    name: String,
    /// Folder in which the module's file is looked for.
    folder: PathBuf,
    path: Vec<String>,
    /// Value of the attribute `#[path]`, relative to the declaring file's folder.
    explicit: Option<String>,
}

/// Collects the declarations of a file, including those inside its inline modules.
fn declarations(items: &[Item], folder: &Path, path: &[String], found: &mut Vec<Declaration>) {
    for item in items {
        let Item::Mod(ItemMod {
            ident,
            content,
            attrs,
            ..
        }) = item
        else {
            continue;
        };
        let name = ident.to_string();
        let inner: Vec<String> = path.iter().cloned().chain([name.clone()]).collect();
        match content {
            Some((_, items)) => declarations(items, &folder.join(&name), &inner, found),
            None => found.push(Declaration {
                name,
                folder: folder.to_path_buf(),
                path: inner,
                explicit: explicit_path(attrs),
            }),
        }
    }
}

fn explicit_path(attributes: &[Attribute]) -> Option<String> {
    attributes
        .iter()
        .find_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(text),
                    ..
                }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        })
}

fn locate(declaration: &Declaration, file: &Path) -> Result<PathBuf> {
    let Declaration {
        name,
        folder,
        explicit,
        ..
    } = declaration;
    let candidates = match explicit {
        Some(path) => vec![file.with_file_name(path)],
        None => vec![
            folder.join(format!("{name}.rs")),
            folder.join(name).join("mod.rs"),
        ],
    };
    match candidates.into_iter().find(|candidate| candidate.is_file()) {
        Some(found) => Ok(found),
        None => bail!("{}: the file of `mod {name}` was not found", file.display()),
    }
}
