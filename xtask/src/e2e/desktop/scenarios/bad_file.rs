//! Files that are not models are rejected with a message, however they are opened, and the window stays usable.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use super::super::super::steps::{LOAD, SOON, wait_until_ready};
use super::super::window::start_again;
use super::{Person, Site, TINY, Window};

/// Opens one bad file as an argument and others by starting the program again, then opens a good one.
pub fn run(site: &Site) -> Result<()> {
    let person = Person::new()?;
    let good = site.root.join(TINY);
    let bytes = fs::read(&good)?;
    let text = write(&person, "text.gguf", b"this is no model at all")?;
    let short = write(&person, "truncated.gguf", &bytes[..bytes.len() / 2])?;
    let absent = person.file("absent.gguf");
    let window = Window::open(&site.desk, &person, &[&text])?;
    window.with("bad-file", |window| {
        refused(window, "text.gguf")?;
        for bad in [&short, &absent] {
            second_start(site, &person, bad)?;
            refused(
                window,
                &bad.file_name().unwrap_or_default().to_string_lossy(),
            )?;
        }
        second_start(site, &person, &good)?;
        window.wait_for("the last error to go", SOON, || {
            Ok((window.count("[data-testid=error]")? == 0).then_some(()))
        })?;
        wait_until_ready(window)
    })?;
    window.quit().map(drop)
}

fn write(person: &Person, name: &str, bytes: &[u8]) -> Result<std::path::PathBuf> {
    let file = person.file(name);
    fs::write(&file, bytes)?;
    Ok(file)
}

/// Starts the program again with the file; the second process hands the file to the window and exits.
fn second_start(site: &Site, person: &Person, file: &Path) -> Result<()> {
    let status = start_again(&site.desk, person, &[file])?;
    ensure!(status.success(), "the second start ended with {status}");
    Ok(())
}

/// Waits until the page shows an error that names the file.
fn refused(window: &Window<'_>, name: &str) -> Result<()> {
    let error = window.wait_for_text("[data-testid=error]", LOAD, |text| text.contains(name))?;
    println!("  {name}: {}", error.replace('\n', " "));
    Ok(())
}
