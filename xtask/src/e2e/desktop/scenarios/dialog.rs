//! A model that is opened through the menu and the system's file dialog.

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::super::super::steps::{SOON, wait_until_ready};
use super::{Person, Site, TINY, Window};

/// Title of the file dialog.
const TITLE: &str = "Open a model";
/// Time for the dialog to accept keys, and to show a text field after the first of them.
const FIELD: Duration = Duration::from_millis(700);

/// Chooses Open File, types a path, and confirms it.
pub fn run(site: &Site) -> Result<()> {
    let person = Person::new()?;
    // The only file in its folder, so that the field's completion does not interfere with the typed path.
    let model = person.file("home").join("model.gguf");
    fs::copy(site.root.join(TINY), &model).context("no model to choose")?;
    let window = Window::open(&site.desk, &person, &[])?;
    window.with("dialog", |window| {
        window.wait_for_element("[data-testid=choose-file]", SOON)?;
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
