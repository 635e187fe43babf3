//! The program keeps theme, window, settings and recent models from one start to the next.

use anyhow::{Result, ensure};

use super::super::super::steps::{SOON, choose_backend, wait_until_ready};
use super::super::super::webdriver::WindowSize;
use super::{Person, Site, TINY, Window};

/// A window size other than the program's default.
const SIZE: WindowSize = WindowSize::new(900, 700);

/// Starts with a model, changes settings and the window, quits, and checks that the next start restores them.
pub fn run(site: &Site) -> Result<()> {
    let person = Person::new()?;
    let model = site.root.join(TINY);
    let window = Window::open(&site.desk, &person, &[&model])?;
    let (theme, size) = window.with("again-first", |window| {
        wait_until_ready(window)?;
        let before = shown_theme(window)?;
        window.click("[data-testid=theme-toggle]")?;
        let after = shown_theme(window)?;
        ensure!(after != before, "the theme is {before} still");
        choose_backend(window, "flex")?;
        let before = window.size()?;
        window.resize(SIZE)?;
        let after = window.wait_for("another size", SOON, || {
            let size = window.size()?;
            Ok((size != before).then_some(size))
        })?;
        Ok((shown_theme(window)?, after))
    })?;
    window.quit()?;

    let window = Window::open(&site.desk, &person, &[])?;
    window.with("again-second", |window| {
        let recent = "[data-testid=recent-model]";
        window.wait_for_element(recent, SOON)?;
        let found = shown_theme(window)?;
        ensure!(found == theme, "the theme is {found}, not {theme}");
        let found = window.size()?;
        ensure!(found == size, "the window is {found:?}, not {size:?}");
        let chosen = window.execute(
            "return document.querySelector('[data-testid=settings-backend-flex]').checked",
        )?;
        ensure!(chosen == true, "the backend was not kept");
        window.picture("desktop-again")?;
        window.click(recent)?;
        wait_until_ready(window)?;
        let name = window.text("[data-testid=status-model]")?;
        println!("  {name} was recent, the window {size:?}, the theme {theme}");
        Ok(())
    })?;
    window.quit().map(drop)
}

fn shown_theme(window: &Window<'_>) -> Result<String> {
    let theme = window.execute("return document.documentElement.dataset.theme")?;
    Ok(theme.as_str().unwrap_or_default().to_owned())
}
