//! Checks of the CPU path in an interpreter.

use std::process::Command;

use anyhow::Result;

use crate::command;
use crate::context::{Context, Verdict};

/// The crate of the CPU path.
const PACKAGE: &str = "llamaglass-cpu";

/// Tests that Miri runs: the thread pool, and the chunks that it hands out.
const MIRI_TESTS: [&str; 2] = ["pool::", "split::"];

/// Runs tests of the CPU path's unsafe code in Miri. It needs a nightly compiler, so if it is not installed, the
/// summary lists it as not run.
pub fn miri(context: &Context<'_>) -> Result<Verdict> {
    let mut version = Command::new("cargo");
    if command::output(version.args(["+nightly", "miri", "--version"])).is_err() {
        return Ok(Verdict::NotRun(
            "Miri is not installed (`rustup toolchain install nightly --component miri,rust-src`)"
                .to_owned(),
        ));
    }
    let mut test = context.cargo();
    test.args(["+nightly", "miri", "test", "--package", PACKAGE])
        .args(["--lib", "--locked", "--"])
        .args(MIRI_TESTS);
    command::run(&mut test)?;
    Ok(Verdict::Passed)
}
