//! Running other programs: shown before they run, named when they fail.

use std::env;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// The command as one would type it, with the variables that it sets.
pub fn shown(command: &Command) -> String {
    let variables = command
        .get_envs()
        .filter(|(name, _)| *name != "PATH")
        .filter_map(|(name, value)| {
            Some(format!(
                "{}={}",
                name.to_string_lossy(),
                value?.to_string_lossy()
            ))
        });
    let words = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .map(|word| {
            if word.contains(' ') {
                format!("'{word}'")
            } else {
                word.into_owned()
            }
        });
    variables.chain(words).collect::<Vec<_>>().join(" ")
}

/// Cargo in the checkout, as one types it there. What cargo told this program of itself is left out:
/// build scripts that look at it would run again, and minutes of building after them.
pub fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root);
    for (name, _) in env::vars_os() {
        let told = ["CARGO_PKG_", "CARGO_MANIFEST_"];
        if told
            .iter()
            .any(|prefix| name.to_string_lossy().starts_with(prefix))
        {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Shows the command, runs it with our terminal, and fails where it fails.
///
/// # Errors
/// Where the program can't be started or ends with a status other than 0.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    println!("$ {shown}");
    let status = command
        .status()
        .with_context(|| format!("could not start: {shown}"))?;
    ensure!(status.success(), "failed ({status}): {shown}");
    Ok(())
}

/// Runs the command silently and gives its standard output.
///
/// # Errors
/// As [`run`]; the message holds what the program wrote to standard error.
pub fn output(command: &mut Command) -> Result<String> {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("could not start: {}", shown(command)))?;
    ensure!(
        status.success(),
        "failed ({status}): {}\n{}",
        shown(command),
        String::from_utf8_lossy(&stderr).trim()
    );
    Ok(String::from_utf8_lossy(&stdout).into_owned())
}

/// As [`run`], but ends the program after `limit`.
///
/// # Errors
/// As [`run`], and where the limit is reached.
pub fn run_within(command: &mut Command, limit: Duration) -> Result<()> {
    let shown = shown(command);
    println!("$ {shown}");
    let mut child = command
        .spawn()
        .with_context(|| format!("could not start: {shown}"))?;
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "failed ({status}): {shown}");
            return Ok(());
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("took longer than {} s: {shown}", limit.as_secs());
        }
        thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("cargo");
        command
            .args(["build", "two words"])
            .env("RUSTUP_TOOLCHAIN", "web")
            .env("PATH", "/bin");
        assert_eq!(
            shown(&command),
            "RUSTUP_TOOLCHAIN=web cargo build 'two words'"
        );
    }

    #[test]
    fn a_missing_program_is_named() {
        let error =
            output(&mut Command::new("no-such-program-here")).expect_err("it does not exist");
        assert!(
            error.to_string().contains("no-such-program-here"),
            "{error}"
        );
    }
}
