//! Checks formatting, lints, documentation and tests with the native toolchain.

use std::process::Command;

use anyhow::Result;

use crate::command;
use crate::context::{Context, Verdict};
use crate::product::PRODUCT;

/// Runs `cargo fmt --check` on all crates.
pub fn fmt(context: &Context<'_>) -> Result<Verdict> {
    command::run(context.cargo().args(["fmt", "--all", "--check"]))?;
    Ok(Verdict::Passed)
}

/// Runs clippy on every target of every crate; a warning fails the check.
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

/// Builds our crates' documentation, including private items; a warning, such as a broken link, fails the check.
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

/// Runs every native test with the tests' Vulkan adapter, even if one fails.
pub fn tests(context: &Context<'_>) -> Result<Verdict> {
    for_all(|crates| {
        let mut test = context.cargo();
        test.arg("test")
            .args(crates)
            .args(["--no-fail-fast", "--locked"]);
        context.on_adapter(test)
    })
}

/// Runs the command for the product's crates and then for xtask, even if the first run fails.
fn for_all(command: impl Fn(&[&str]) -> Command) -> Result<Verdict> {
    let outcomes =
        [PRODUCT, &["--package", "xtask"]].map(|crates| command::run(&mut command(crates)));
    outcomes.into_iter().collect::<Result<()>>()?;
    Ok(Verdict::Passed)
}
