//! Checks that the engine's modules import each other only as ARCHITECTURE.md's stage table allows.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::table::ImportTable;
use crate::test::{Context, Verdict};

mod modules;
mod paths;
#[cfg(test)]
mod tests;

/// Reads the table and every module of the engine, and reports all imports that the table does not allow.
pub fn run(context: &Context<'_>) -> Result<Verdict> {
    let root = &context.project.root;
    let text = fs::read_to_string(root.join("ARCHITECTURE.md"))
        .context("could not read ARCHITECTURE.md")?;
    let stages = ImportTable::parse(&text, "stage")?;
    let (modules, faults) = check(&root.join("engine/src"), &stages)?;
    if !faults.is_empty() {
        bail!(
            "{} against ARCHITECTURE.md's stage table:\n{}",
            faults.len(),
            faults.join("\n")
        );
    }
    Ok(Verdict::PassedWith(format!(
        "{modules} files, {} stages",
        stages.len()
    )))
}

/// Returns the number of files read and one line per violation.
fn check(source: &Path, stages: &ImportTable) -> Result<(usize, Vec<String>)> {
    let modules = modules::walk(&source.join("lib.rs"))?;
    let mut faults = Vec::new();
    for stage in stages
        .names()
        .filter(|name| !modules.iter().any(|module| module.stage() == Some(*name)))
    {
        faults.push(format!(
            "the table has a row for `{stage}`, but there is no such module"
        ));
    }
    for module in &modules {
        // The crate root declares the stages and may import all of them.
        let Some(stage) = module.stage() else {
            continue;
        };
        let file = module
            .file
            .strip_prefix(source)
            .unwrap_or(&module.file)
            .display();
        if !stages.contains(stage) {
            faults.push(format!("{file}: module `{stage}` has no row in the table"));
            continue;
        }
        for import in paths::crate_imports(module) {
            if let Err(reason) = stages.allows(stage, &import.stage) {
                faults.push(format!("{file}:{}: {reason}", import.line));
            }
        }
    }
    Ok((modules.len(), faults))
}
