//! The lab in the window: an experiment on the program's own engine, its report, and a saved result.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use super::super::super::scenarios::lab;
use super::super::super::steps::{SOON, wait_until_ready};
use super::{Person, Site, TINY, Window};

/// Runs the shortest experiment and saves its result.
pub fn run(site: &Site) -> Result<()> {
    let person = Person::new()?;
    let window = Window::open(&site.desk, &person, &[&site.root.join(TINY)])?;
    window.with("lab", |window| {
        wait_until_ready(window)?;
        window.click("[data-testid=lab-open]")?;
        lab::set(window, "stats-rows", "8")?;
        lab::measured(window, "stats")?;
        window.click("[data-testid=lab-json-stats]")?;
        let notice = window.wait_for_text("[data-testid=notice]", SOON, |text| !text.is_empty())?;
        let path = notice
            .strip_prefix("Saved as ")
            .and_then(|path| path.strip_suffix('.'))
            .with_context(|| format!("the window says {notice:?}"))?;
        let path = Path::new(path);
        ensure!(
            path.parent() == Some(&person.file("home")),
            "without a folder for downloads it was saved as {}",
            path.display()
        );
        ensure!(path.is_file(), "there is no {}", path.display());
        window.picture("desktop-lab").map(drop)
    })?;
    window.quit().map(drop)
}
