//! Runs other programs: prints each command before it runs, and names it if it fails.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

/// Interval at which a running command is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Number of last lines of a failed command's log that the error includes.
const LOG_TAIL: usize = 20;

/// Formats the command as one would type it, with the environment variables that it sets except `PATH`.
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

/// Returns a cargo command that runs in the checkout, with the environment of the user's shell.
pub fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root);
    remove_cargo_variables(&mut cargo);
    cargo
}

/// Removes the variables in which cargo describes xtask to itself. If another cargo inherited them, build
/// scripts that depend on them would run again, and their dependents would be built again.
pub fn remove_cargo_variables(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"]
            .iter()
            .any(|prefix| name.to_string_lossy().starts_with(prefix))
        {
            command.env_remove(name);
        }
    }
}

/// A flag that stops commands on other threads.
#[derive(Clone, Debug, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// Kills every command that was started with this flag or a clone of it.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns true if [`Self::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Prints the command and runs it on our terminal.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    println!("$ {shown}");
    let status = command
        .status()
        .with_context(|| format!("could not start: {shown}"))?;
    ensure!(status.success(), "failed ({status}): {shown}");
    Ok(())
}

/// Like [`run`], but kills the program when `cancellation` is set.
///
/// # Errors
/// Same as [`run`], and if the program was killed.
pub fn run_cancellable(command: &mut Command, cancellation: &Cancellation) -> Result<()> {
    let shown = shown(command);
    println!("$ {shown}");
    finish(command, &shown, || {
        cancellation.is_cancelled().then(|| "stopped".to_owned())
    })
}

/// Like [`run_cancellable`], but prints nothing: appends the command and its output to the file `log`.
///
/// # Errors
/// Same as [`run_cancellable`], with the last lines of the log in the message; also if the log can't be written.
pub fn run_logged(command: &mut Command, log: &Path, cancellation: &Cancellation) -> Result<()> {
    let shown = shown(command);
    let write = || format!("could not write {}", log.display());
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .with_context(write)?;
    writeln!(file, "$ {shown}").with_context(write)?;
    command
        .stdin(Stdio::null())
        .stdout(file.try_clone().with_context(write)?)
        .stderr(file);
    let stop = || cancellation.is_cancelled().then(|| "stopped".to_owned());
    finish(command, &shown, stop).map_err(|error| {
        let text = fs::read_to_string(log).unwrap_or_default();
        anyhow!(
            "{error:#}\nThe end of {}:\n{}",
            log.display(),
            last_lines(&text, LOG_TAIL)
        )
    })
}

/// Starts the command and waits until it exits; kills it when `stop` returns a reason.
fn finish(command: &mut Command, shown: &str, stop: impl Fn() -> Option<String>) -> Result<()> {
    let mut child = command
        .spawn()
        .with_context(|| format!("could not start: {shown}"))?;
    loop {
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "failed ({status}): {shown}");
            return Ok(());
        }
        if let Some(reason) = stop() {
            child.kill()?;
            child.wait()?;
            bail!("{reason}: {shown}");
        }
        thread::sleep(POLL_INTERVAL);
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Runs the command silently and returns its standard output.
///
/// # Errors
/// Same as [`run`]; the message includes the program's standard error.
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

/// Like [`run`], but kills the program after `limit`.
///
/// # Errors
/// Same as [`run`], and if the limit is reached.
pub fn run_within(command: &mut Command, limit: Duration) -> Result<()> {
    let shown = shown(command);
    println!("$ {shown}");
    let start = Instant::now();
    finish(command, &shown, || {
        (start.elapsed() > limit).then(|| format!("took longer than {} s", limit.as_secs()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_formats_command_as_one_would_type_it() {
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
    fn last_lines_returns_the_end_of_the_text() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a", 2), "a");
        assert_eq!(last_lines("", 2), "");
    }

    #[cfg(unix)]
    #[test]
    fn error_of_logged_command_includes_its_output() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let log = folder.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "echo reason >&2; exit 3"]);
        let error = run_logged(&mut command, &log, &Cancellation::default()).expect_err("it fails");
        assert!(error.to_string().contains("reason"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn cancelled_command_is_killed() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let cancellation = Cancellation::default();
        cancellation.cancel();
        let mut command = Command::new("sleep");
        let start = Instant::now();
        run_logged(
            command.arg("600"),
            &folder.path().join("log"),
            &cancellation,
        )
        .expect_err("it was cancelled");
        assert!(start.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn error_names_missing_program() {
        let error =
            output(&mut Command::new("no-such-program-here")).expect_err("it does not exist");
        assert!(
            error.to_string().contains("no-such-program-here"),
            "{error}"
        );
    }
}
