//! What builds for 64-bit Arm on another Linux machine, and runs it there: the standard library, Debian's cross
//! compiler as the linker, and QEMU.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::apt;
use crate::{command, machine};

/// Target of the tests that QEMU runs.
pub const TARGET: &str = "aarch64-unknown-linux-gnu";

const LINKER: &str = "aarch64-linux-gnu-gcc";
const EMULATOR: &str = "qemu-aarch64";
/// Folder of Debian's C library for [`TARGET`].
const LIBRARIES: &str = "/usr/aarch64-linux-gnu";
/// Packages that are needed, besides the standard library.
const PACKAGES: [&str; 3] = [
    "qemu-user",
    "gcc-aarch64-linux-gnu",
    "libc6-dev-arm64-cross",
];

/// Time limit for rustup to download the standard library.
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(180);

/// Returns true if this machine can emulate 64-bit Arm. On 64-bit Arm itself, the native tests run NEON.
pub const fn is_supported() -> bool {
    cfg!(all(target_os = "linux", not(target_arch = "aarch64")))
}

/// Installs what is missing.
///
/// # Errors
/// If something can't be installed; the message says what to do.
pub fn ensure() -> Result<()> {
    if !is_supported() {
        return Ok(());
    }
    let is_there = |name: &&str| machine::find_program(name, Path::new("")).is_some();
    if ![LINKER, EMULATOR].iter().all(is_there) || !Path::new(LIBRARIES).is_dir() {
        apt::ensure(&PACKAGES, "QEMU and a compiler for 64-bit Arm,")?;
    }
    let mut add = Command::new("rustup");
    command::run_within(add.args(["target", "add", TARGET]), DOWNLOAD_LIMIT)
        .with_context(|| format!("the standard library for {TARGET} is missing"))
}

/// Makes cargo link for [`TARGET`] and run the programs with QEMU.
pub fn choose(cargo: &mut Command) {
    let emulator = format!("{EMULATOR} -L {LIBRARIES}");
    cargo
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", LINKER)
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", emulator);
}
