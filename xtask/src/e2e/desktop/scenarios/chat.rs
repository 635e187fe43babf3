//! The default model, passed as an argument: its greedy answer, the overlay, an abort, a choice of adapter, and
//! a quit during an answer, on the CPU and on a Vulkan adapter.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::super::super::steps::{
    LOAD, abort, ask, begin_long, check_bars, choose_backend, make_greedy, reference,
    wait_until_ready,
};
use super::{Person, Site, Window};

/// Maximum time for the program to quit while it answers.
const QUIT: Duration = Duration::from_secs(3);

/// Starts the program with the model and asks it questions on both backends.
pub fn run(site: &Site) -> Result<()> {
    let person = Person::new()?;
    let window = Window::open(&site.desk, &person, &[&site.model])?;
    window.with("chat", |window| {
        // With default settings, the CPU backend runs, because the only adapter is a software one.
        wait_until_ready(window)?;
        make_greedy(window)?;
        talk(window, "flex")?;
        window.click("[data-testid=clear]")?;
        choose_backend(window, "wgpu")?;
        window.wait_for_text("[data-testid=status-adapter]", LOAD, |adapter| {
            adapter.to_lowercase().contains("llvmpipe")
        })?;
        wait_until_ready(window)?;
        talk(window, "wgpu")?;
        window.picture("desktop")?;

        abort(window)?;
        choose_adapter(window)?;
        window.click("[data-testid=clear]")?;
        let (question, expected) = reference()?;
        let again = ask(window, &question)?;
        ensure!(again == expected, "after an abort the ids are {again:?}");
        begin_long(window)
    })?;
    let took = window.quit()?;
    println!("  quit while it answered: {} ms", took.as_millis());
    ensure!(took < QUIT, "it took {} ms to quit", took.as_millis());
    Ok(())
}

/// Chooses the first adapter by name, and waits until the model has been loaded again on it.
fn choose_adapter(window: &Window<'_>) -> Result<()> {
    let list = "[data-testid=settings-adapter]";
    let name = window.execute(&format!(
        "return document.querySelector('{list}').options[1].value"
    ))?;
    let name = name.as_str().context("there is no adapter")?;
    window.choose(list, name)?;
    wait_until_ready(window)?;
    let shown = window.text("[data-testid=status-adapter]")?;
    ensure!(name == shown, "{name} was chosen, not {shown}");
    Ok(())
}

/// Asks the reference's question in a new chat, and checks the answer's token ids and bars.
fn talk(window: &Window<'_>, backend: &str) -> Result<()> {
    let name = window.text("[data-testid=status-backend]")?;
    let adapter = window.text("[data-testid=status-adapter]")?;
    println!("  {backend}: {name} on {adapter}");
    ensure!(
        !adapter.is_empty() && !adapter.contains("unnamed"),
        "the page names no adapter: {adapter:?}"
    );
    let (question, expected) = reference()?;
    let ids = ask(window, &question)?;
    ensure!(
        ids == expected,
        "on {backend} the answer's ids are {ids:?}, not {expected:?}"
    );
    check_bars(window, expected.len())?;
    let figure = |id: &str| window.text(&format!("[data-testid=stat-{id}]"));
    println!(
        "  TPOT p50 {} in the page, steps p50 {} in the engine",
        figure("tpot-p50")?,
        figure("step-p50")?
    );
    Ok(())
}
