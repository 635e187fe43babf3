//! Runs cargo-deny. It is only a lint, so if it is not installed, the summary lists it as not run.

use std::process::Command;

use anyhow::Result;

use crate::command;
use crate::context::{Context, Verdict};

/// Checks licences, bans and sources. Advisories are left out, because their database has to be downloaded.
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
