//! Formatting, lints, documentation and tests with the machine's own compiler.

use std::process::Command;

use anyhow::Result;

use crate::command;
use crate::product::PRODUCT;
use crate::test::{Context, Verdict};

/// `cargo fmt --check` of everything.
pub fn fmt(context: &Context<'_>) -> Result<Verdict> {
    command::run(context.cargo().args(["fmt", "--all", "--check"]))?;
    Ok(Verdict::Passed)
}

/// clippy on every target of every crate; a warning fails.
pub fn clippy(context: &Context<'_>) -> Result<Verdict> {
    for_all(|crates| {
        let mut clippy = context.cargo();
        clippy
            .arg("clippy")
            .args(crates)
            .args(["--all-targets", "--locked"]);
        clippy.args(["--", "-D", "warnings"]);
        clippy
    })
}

/// Our crates' documentation, private items too; a broken link fails.
pub fn doc(context: &Context<'_>) -> Result<Verdict> {
    for_all(|crates| {
        let mut doc = context.cargo();
        doc.arg("doc")
            .args(crates)
            .args(["--no-deps", "--document-private-items", "--locked"]);
        doc.env("RUSTDOCFLAGS", "-D warnings");
        doc
    })
}

/// Every native test, on the tests' Vulkan adapter. All of them run even where one fails.
pub fn tests(context: &Context<'_>) -> Result<Verdict> {
    for_all(|crates| {
        let mut test = context.cargo();
        test.arg("test")
            .args(crates)
            .args(["--no-fail-fast", "--locked"]);
        context.on_adapter(test)
    })
}

/// Runs the command for the product's crates and for this one, also where the first fails.
fn for_all(command: impl Fn(&[&str]) -> Command) -> Result<Verdict> {
    let outcomes =
        [PRODUCT, &["--package", "xtask"]].map(|crates| command::run(&mut command(crates)));
    outcomes.into_iter().collect::<Result<()>>()?;
    Ok(Verdict::Passed)
}
