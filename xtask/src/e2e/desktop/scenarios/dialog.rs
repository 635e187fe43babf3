//! A model through the menu and the system's own dialog.

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::super::super::steps::wait_until_ready;
use super::{Person, Site, TINY, Window};

/// The dialog's title.
const TITLE: &str = "Open a model";
/// It may take this long to take keys, and to have a field after the first of them.
const FIELD: Duration = Duration::from_millis(700);

/// Chooses Open File, types a path, and confirms it.
pub fn run(site: &Site) -> Result<()> {
    let person = Person::new()?;
    // Alone in its folder: the field completes what is typed, which must not get in the way.
    let model = person.file("home").join("model.gguf");
    fs::copy(site.root.join(TINY), &model).context("no model to choose")?;
    let window = Window::open(&site.desk, &person, &[])?;
    window.with("dialog", |window| {
        window.wait_for_element("[data-testid=choose-file]", Duration::from_secs(30))?;
        site.desk.press("ctrl+o")?;
        site.desk.wait_for_window(TITLE)?;
        thread::sleep(FIELD);
        site.desk.type_text("~")?;
        thread::sleep(FIELD);
        site.desk.type_text("/model.gguf")?;
        site.desk.press("Return")?;
        wait_until_ready(window)?;
        let name = window.text("[data-testid=status-model]")?;
        ensure!(!name.is_empty(), "the file was not loaded");
        Ok(())
    })?;
    window.quit().map(drop)
}
