//! Starts and drives the program.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::super::driver::Driver;
use super::super::session::Session;
use super::{Desk, Person, webkit};
use crate::command;

/// Maximum time for the program to exit.
const END: Duration = Duration::from_secs(10);

/// A window of the program, which is killed when this value is dropped unless it has already exited.
pub struct Window<'a> {
    // The first field, so that the session is closed before its driver is stopped.
    session: Session,
    _driver: Driver,
    desk: &'a Desk,
    person: &'a Person,
}

impl<'a> Window<'a> {
    /// Starts the program with `words` as arguments.
    pub fn open(desk: &'a Desk, person: &'a Person, words: &[&Path]) -> Result<Self> {
        let words: Vec<String> = words
            .iter()
            .map(|word| word.display().to_string())
            .collect();
        let starter = write_starter(desk, person)?;
        let driver = webkit::start(desk, person, &person.file("driver.log"))?;
        let session = Session::start(
            &driver,
            &webkit::capabilities(&starter, &words),
            &desk.folder,
        );
        let session = session.with_context(|| format!("it printed: {}", output(person)))?;
        Ok(Self {
            session,
            _driver: driver,
            desk,
            person,
        })
    }

    /// Runs `act` on the window; if it fails, saves a screenshot and prints the program's output.
    ///
    /// # Errors
    /// The error of `act`.
    pub fn with<T>(&self, name: &str, act: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let outcome = act(self);
        if outcome.is_err() {
            match self.desk.picture(&format!("failed-desktop-{name}"), None) {
                Ok(file) => println!("picture: {}", file.display()),
                Err(error) => println!("no picture: {error:#}"),
            }
            println!("the program printed: {}", output(self.person));
        }
        outcome
    }

    /// Saves a screenshot of the window with its menus as `NAME.png`.
    pub fn picture(&self, name: &str) -> Result<PathBuf> {
        // Moves the mouse pointer out of the screenshot and waits until the last change is painted.
        self.desk.hand(&["mousemove", "9999", "9999"])?;
        self.session.execute(
            "return new Promise(done => requestAnimationFrame(() => setTimeout(done, 500)))",
        )?;
        self.desk.picture(name, Some(self.session.size()?))
    }

    /// Quits with the menu's keyboard shortcut, waits until the program has exited, and returns how long that took.
    pub fn quit(self) -> Result<Duration> {
        let start = Instant::now();
        self.desk.press("ctrl+q")?;
        let status = self.person.file("status");
        while !status.exists() {
            if start.elapsed() > END {
                bail!("it still runs {} s after Ctrl+Q", END.as_secs());
            }
            thread::sleep(Duration::from_millis(20));
        }
        let took = start.elapsed();
        let status = fs::read_to_string(&status)?;
        let output = output(self.person);
        ensure!(
            status.trim() == "0",
            "it ended with {status} and printed: {output}"
        );
        ensure!(!output.contains("panicked"), "it printed: {output}");
        Ok(took)
    }
}

impl Deref for Window<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Drop for Window<'_> {
    fn drop(&mut self) {
        if self.person.file("status").exists() {
            return;
        }
        if let Ok(process) = fs::read_to_string(self.person.file("process")) {
            // The process may exit at this moment, so an error is ignored.
            let _ended = command::output(Command::new("kill").args(["-9", process.trim()]));
            // The start script still writes the exit status.
            thread::sleep(Duration::from_millis(300));
        }
    }
}

/// Starts the program again, as when a user opens a file while the window is open, and waits until it exits.
pub fn start_again(desk: &Desk, person: &Person, words: &[&Path]) -> Result<ExitStatus> {
    let [program, before @ ..] = &*desk.program else {
        bail!("there is no program");
    };
    let mut command = Command::new(program);
    person.settle(desk, &mut command);
    command.args(before).args(words);
    command.status().context("the second start did not start")
}

/// Returns the program's terminal output.
fn output(person: &Person) -> String {
    fs::read_to_string(person.file("output")).unwrap_or_default()
}

/// Writes the script that the driver starts in place of the program. The script records the exit status, which
/// the system reports only to the parent process.
fn write_starter(desk: &Desk, person: &Person) -> Result<PathBuf> {
    let quoted: Vec<String> = desk.program.iter().map(|word| quote(word)).collect();
    let file = |name: &str| quote(&person.file(name).display().to_string());
    let script = format!(
        "#!/bin/sh\nrm -f {status}\n{program} \"$@\" >>{output} 2>&1 &\necho $! >{process}\n\
         wait $!\necho $? >{status}.part\nmv {status}.part {status}\n",
        program = quoted.join(" "),
        output = file("output"),
        process = file("process"),
        status = file("status"),
    );
    let starter = person.file("start");
    let write = || format!("could not write {}", starter.display());
    fs::write(&starter, script).with_context(write)?;
    make_executable(&starter).with_context(write)?;
    Ok(starter)
}

#[cfg(unix)]
fn make_executable(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Quotes a word for the shell.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_word_stays_whole_in_the_shell() {
        let word = "a 'b' $c";
        let printed =
            command::output(Command::new("sh").args(["-c", &format!("printf %s {}", quote(word))]));
        assert_eq!(printed.expect("printed"), word);
    }
}
