//! Checks of the CPU path that need another processor or an interpreter.

use std::process::Command;

use anyhow::Result;

use crate::command;
use crate::context::{Context, Verdict};
use crate::setup::aarch64;

/// The crate of the CPU path.
const PACKAGE: &str = "llamaglass-cpu";

/// Tests that Miri runs: the thread pool, the chunks that it hands out, and a tiny model.
const MIRI_TESTS: [&str; 3] = [
    "pool::",
    "split::",
    "model::tests::properties::batches_and_threads",
];

/// Runs the tests of the CPU path with its NEON kernels in QEMU.
pub fn neon(context: &Context<'_>) -> Result<Verdict> {
    if !aarch64::is_supported() {
        return Ok(Verdict::NotRun(
            "only for Linux on another processor than 64-bit Arm, where native-tests runs NEON"
                .to_owned(),
        ));
    }
    let mut test = context.cargo();
    test.args(["test", "--package", PACKAGE, "--target", aarch64::TARGET])
        .args(["--lib", "--tests", "--locked", "--no-fail-fast"]);
    aarch64::choose(&mut test);
    command::run(&mut test)?;
    Ok(Verdict::Passed)
}

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
