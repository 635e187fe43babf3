//! cargo-deny, which only lints: where it is not installed, the summary says that it did not run.

use std::process::Command;

use anyhow::Result;

use crate::command;
use crate::test::{Context, Verdict};

/// Licences, bans and sources. Its advisories need a database from the network.
pub fn run(context: &Context<'_>) -> Result<Verdict> {
    if command::output(Command::new("cargo").args(["deny", "--version"])).is_err() {
        return Ok(Verdict::NotRun(
            "cargo-deny is not installed (`cargo install cargo-deny --locked`)".to_owned(),
        ));
    }
    command::run(
        context
            .cargo()
            .args(["deny", "check", "licenses", "bans", "sources"]),
    )?;
    Ok(Verdict::Passed)
}
