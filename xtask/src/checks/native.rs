//! Formatting, lints, documentation and tests with the machine's own compiler.

use std::process::Command;

use anyhow::Result;

use crate::command;
use crate::test::{Context, Verdict};

/// `cargo fmt --check` of everything.
pub fn fmt(context: &Context<'_>) -> Result<Verdict> {
    passed(context.cargo().args(["fmt", "--all", "--check"]))
}

/// clippy on every target of every crate; a warning fails.
pub fn clippy(context: &Context<'_>) -> Result<Verdict> {
    passed(context.cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))
}

/// Our crates' documentation, private items too; a broken link fails.
pub fn doc(context: &Context<'_>) -> Result<Verdict> {
    let mut doc = context.cargo();
    doc.args([
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
        "--locked",
    ]);
    passed(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

/// Every native test, on the tests' Vulkan adapter. All of them run even where one fails.
pub fn tests(context: &Context<'_>) -> Result<Verdict> {
    let mut test = context.cargo();
    test.args(["test", "--workspace", "--no-fail-fast", "--locked"]);
    passed(&mut context.on_adapter(test))
}

fn passed(command: &mut Command) -> Result<Verdict> {
    command::run(command)?;
    Ok(Verdict::Passed)
}
