//! Scenarios for the program's window.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::Duration;
use std::{fs, thread};

use anyhow::{Context as _, Result, ensure};

use super::super::scenarios::{lab, other};
use super::super::steps::{
    LOAD, SOON, abort, ask, begin_long, check_bars, choose_backend, make_greedy, reference,
    wait_until_ready,
};
use super::super::webdriver::WindowSize;
use super::window::start_again;
use super::{Person, Site, Window, outcome};

/// A task that a user performs with the program.
pub struct Scenario {
    /// Name in messages and in the names of screenshots.
    pub name: &'static str,
    /// Function that runs the scenario.
    pub run: fn(site: &Site) -> Result<()>,
}

impl Scenario {
    const fn new(name: &'static str, run: fn(site: &Site) -> Result<()>) -> Self {
        Self { name, run }
    }
}

impl outcome::Scenario for Scenario {
    fn name(&self) -> &'static str {
        self.name
    }
}

/// All scenarios, in the order in which they run.
pub const ALL: &[Scenario] = &[
    Scenario::new("opens", opens),
    Scenario::new("chat", chat),
    Scenario::new("dialog", dialog),
    Scenario::new("lab", lab),
    Scenario::new("server", server),
    Scenario::new("bad-file", bad_file),
    Scenario::new("again", again),
];

/// A real model of 230 kB; the path is relative to the checkout.
pub const TINY: &str = "engine/tests/data/families/llama-tied-gguf/llama-tied-gguf.Q4_K_M.gguf";

/// Tauri's commands that the page must not be able to call.
const FOREIGN: [&str; 3] = [
    "plugin:dialog|open",
    "plugin:window|close",
    "plugin:event|listen",
];

/// Opens the window, checks its content and the page's limits, and quits.
fn opens(site: &Site) -> Result<()> {
    let person = Person::new()?;
    let window = Window::open(&site.desk, &person, &[])?;
    window.with("opens", |window| {
        window.wait_for_element("[data-testid=choose-file]", SOON)?;
        ensure!(
            window.count("[data-testid=recent-model]")? == 0,
            "the recent models of a new user are not empty"
        );
        let adapters = window.wait_for("an adapter", SOON, || {
            let words = window.execute(
                "return [...document.querySelectorAll('[data-testid=settings-adapter] option')]\
                   .slice(1).map(option => option.textContent).join('; ')",
            )?;
            let words = words.as_str().unwrap_or_default().to_owned();
            Ok((!words.is_empty()).then_some(words))
        })?;
        println!("  adapters: {adapters}");
        window.picture("desktop-opens")?;
        asks_nobody(window)?;
        may_do_little(window)
    })?;
    window.quit().map(drop)
}

/// Checks that the page reaches no server, not even one on this machine.
fn asks_nobody(window: &Window<'_>) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let outcome = window.execute(&format!(
        "return fetch('http://{address}/').then(() => 'answered', () => 'refused')"
    ))?;
    ensure!(outcome == "refused", "a request of the page was {outcome}");
    ensure!(
        listener.accept().is_err(),
        "a request from the page reached the network"
    );
    Ok(())
}

/// Checks that the page can't call Tauri's commands.
fn may_do_little(window: &Window<'_>) -> Result<()> {
    for command in FOREIGN {
        let outcome = window.execute(&format!(
            "return window.__TAURI_INTERNALS__.invoke('{command}', {{}})\
               .then(() => 'done', error => String(error))"
        ))?;
        let outcome = outcome.as_str().unwrap_or_default();
        ensure!(
            outcome.contains("not allowed") || outcome.contains("not found"),
            "{command} was {outcome}"
        );
    }
    Ok(())
}

/// Maximum time for the program to quit while it answers.
const QUIT: Duration = Duration::from_secs(3);

/// Starts the program with the model and asks it questions on both backends.
fn chat(site: &Site) -> Result<()> {
    let person = Person::new()?;
    let window = Window::open(&site.desk, &person, &[&site.model])?;
    window.with("chat", |window| {
        // With default settings, the CPU backend runs, because the only adapter is a software one.
        wait_until_ready(window)?;
        make_greedy(window)?;
        talk(window, "cpu")?;
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

/// Title of the file dialog.
const DIALOG_TITLE: &str = "Open a model";
/// Time for the dialog to accept keys, and to show a text field after the first of them.
const FIELD_PAUSE: Duration = Duration::from_millis(700);

/// Chooses Open File, types a path, and confirms it.
fn dialog(site: &Site) -> Result<()> {
    let person = Person::new()?;
    // The only file in its folder, so that the field's completion does not interfere with the typed path.
    let model = person.file("home").join("model.gguf");
    fs::copy(site.root.join(TINY), &model).context("no model to choose")?;
    let window = Window::open(&site.desk, &person, &[])?;
    window.with("dialog", |window| {
        window.wait_for_element("[data-testid=choose-file]", SOON)?;
        site.desk.press("ctrl+o")?;
        site.desk.wait_for_window(DIALOG_TITLE)?;
        thread::sleep(FIELD_PAUSE);
        site.desk.type_text("~")?;
        thread::sleep(FIELD_PAUSE);
        site.desk.type_text("/model.gguf")?;
        site.desk.press("Return")?;
        wait_until_ready(window)?;
        let name = window.text("[data-testid=status-model]")?;
        ensure!(!name.is_empty(), "the file was not loaded");
        Ok(())
    })?;
    window.quit().map(drop)
}

/// Runs the shortest experiment and saves its result.
fn lab(site: &Site) -> Result<()> {
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

/// Maximum time for the page to give up on a server, for which it waits 20 s.
const SERVER_PATIENCE: Duration = Duration::from_secs(40);

/// Gives up on a server that accepts a request and never answers, and uses another one as in a browser.
fn server(site: &Site) -> Result<()> {
    let person = Person::new()?;
    let window = Window::open(&site.desk, &person, &[])?;
    window.with("server", |window| {
        window.wait_for_element("[data-testid=choose-file]", SOON)?;
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        window.click("[data-testid=server-open]")?;
        window.fill(
            "[data-testid=server-url]",
            &silent.local_addr()?.to_string(),
        )?;
        window.click("[data-testid=server-connect]")?;
        let error = "[data-testid=server-error]";
        let why = window.wait_for_text(error, SERVER_PATIENCE, |text| !text.is_empty())?;
        ensure!(why.contains("20 s"), "the page says {why:?}");
        // Closes the server's form, because `meet` starts by opening it.
        window.click("[data-testid=server-open]")?;
        other::meet(window, "desktop-server")
    })?;
    window.quit().map(drop)
}

/// Opens one bad file as an argument and others by starting the program again, then opens a good one.
fn bad_file(site: &Site) -> Result<()> {
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

/// A window size other than the program's default.
const OTHER_SIZE: WindowSize = WindowSize::new(900, 700);

/// Starts with a model, changes settings and the window, quits, and checks that the next start restores them.
fn again(site: &Site) -> Result<()> {
    let person = Person::new()?;
    let model = site.root.join(TINY);
    let window = Window::open(&site.desk, &person, &[&model])?;
    let (theme, size) = window.with("again-first", |window| {
        wait_until_ready(window)?;
        let before = shown_theme(window)?;
        window.click("[data-testid=theme-toggle]")?;
        let after = shown_theme(window)?;
        ensure!(after != before, "the theme is {before} still");
        choose_backend(window, "cpu")?;
        let before = window.size()?;
        window.resize(OTHER_SIZE)?;
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
            "return document.querySelector('[data-testid=settings-backend-cpu]').checked",
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
