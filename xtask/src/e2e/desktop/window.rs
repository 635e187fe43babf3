//! The program, started and driven.

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

/// How long the program may take to end.
const END: Duration = Duration::from_secs(10);

/// A window of the program. It is ended with this value, unless it ended by itself.
pub struct Window<'a> {
    // Closed before its driver is ended.
    session: Session,
    _driver: Driver,
    desk: &'a Desk,
    person: &'a Person,
}

impl<'a> Window<'a> {
    /// Starts the program with the words.
    ///
    /// # Errors
    /// Where it does not start or shows no page.
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
        let session = session.with_context(|| format!("it said: {}", said(person)))?;
        Ok(Self {
            session,
            _driver: driver,
            desk,
            person,
        })
    }

    /// Runs `act` on the window; if it fails, keeps a picture and prints the program's output.
    ///
    /// # Errors
    /// As `act` does.
    pub fn with<T>(&self, name: &str, act: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let outcome = act(self);
        if outcome.is_err() {
            match self.desk.picture(&format!("failed-desktop-{name}"), None) {
                Ok(file) => println!("picture: {}", file.display()),
                Err(error) => println!("no picture: {error:#}"),
            }
            println!("the program said: {}", said(self.person));
        }
        outcome
    }

    /// Keeps a picture of the window with its menus, as `NAME.png`.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn picture(&self, name: &str) -> Result<PathBuf> {
        // Moves the mouse out of the picture and waits until the last change is painted.
        self.desk.hand(&["mousemove", "9999", "9999"])?;
        self.session.execute(
            "return new Promise(done => requestAnimationFrame(() => setTimeout(done, 500)))",
        )?;
        self.desk.picture(name, Some(self.session.size()?))
    }

    /// Quits by the menu's own keys, and waits until the program has ended well.
    ///
    /// # Errors
    /// Where it does not end, or not with status 0, or complains.
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
        let said = said(self.person);
        ensure!(
            status.trim() == "0",
            "it ended with {status} and said: {said}"
        );
        ensure!(!said.contains("panicked"), "it said: {said}");
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
            // It may end just now.
            let _ended = command::output(Command::new("kill").args(["-9", process.trim()]));
            // Its starter still has a word to write.
            thread::sleep(Duration::from_millis(300));
        }
    }
}

/// Starts the program once more, as a person does who opens a file while the window is there.
///
/// # Errors
/// Where it can't be started.
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
fn said(person: &Person) -> String {
    fs::read_to_string(person.file("said")).unwrap_or_default()
}

/// Writes the script that the driver starts in the program's place: how the program ends is told to
/// its starter alone.
fn write_starter(desk: &Desk, person: &Person) -> Result<PathBuf> {
    let quoted: Vec<String> = desk.program.iter().map(|word| quote(word)).collect();
    let file = |name: &str| quote(&person.file(name).display().to_string());
    let script = format!(
        "#!/bin/sh\nrm -f {status}\n{program} \"$@\" >>{said} 2>&1 &\necho $! >{process}\n\
         wait $!\necho $? >{status}.part\nmv {status}.part {status}\n",
        program = quoted.join(" "),
        said = file("said"),
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

/// A word as the shell takes it whole.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_whole_in_the_shell() {
        let word = "a 'b' $c";
        let said =
            command::output(Command::new("sh").args(["-c", &format!("printf %s {}", quote(word))]));
        assert_eq!(said.expect("said"), word);
    }
}
