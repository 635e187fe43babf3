//! Scenarios for the page, by subject.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{Scenario, Session, Site, explore, sources};

mod answers;
mod bench;
mod browsers;
mod conversation;
mod crashes;
pub mod lab;
mod lab_controls;
mod models;
pub mod other;
mod reloads;
mod server;
mod settings;
mod snapshot;
mod storage;
mod stub;
mod two_tabs;

/// All scenarios, in the order in which they run.
pub const ALL: &[Scenario] = &[
    Scenario::new("harness", harness),
    Scenario::new("snapshot", snapshot::run),
    Scenario::page("isolated", isolated),
    Scenario::page("suggestion", answers::suggestions),
    Scenario::page("regenerate", answers::regenerate),
    Scenario::page("conversation", conversation::run),
    Scenario::page("lab-tab", lab::tab),
    Scenario::page("bench-dialog", bench::dialog),
    Scenario::page("change-model", models::change),
    Scenario::page("settings", settings::run),
    Scenario::page("two-tabs", two_tabs::run),
    Scenario::page("reloads", reloads::run),
    Scenario::page("page-crash", crashes::page),
    Scenario::page("engine-crash", crashes::engine),
    Scenario::page("no-webgpu", browsers::no_webgpu),
    Scenario::page("insecure", browsers::insecure),
    Scenario::page("storage-garbage", storage::garbage),
    Scenario::page("storage-denied", storage::denied),
    Scenario::page("cancel-load", models::cancel_load),
    Scenario::page("chat-cpu", |page, url| answers::chat(page, url, "cpu")),
    Scenario::page("chat-webgpu", |page, url| answers::chat(page, url, "wgpu")),
    Scenario::page("stub", stub::run),
    Scenario::page("lab", lab::run),
    Scenario::page("lab-controls", lab_controls::run),
    Scenario::page("bad-file", models::bad_file),
    Scenario::new("server", server::run),
    Scenario::page("other-server", other::run),
    Scenario::new("walk-cpu-default", |page, site| {
        explore::walk(page, site, 0)
    }),
    Scenario::new("walk-webgpu-tiny", |page, site| {
        explore::walk(page, site, 2)
    }),
    Scenario::new("walk-cpu-tiny", |page, site| explore::walk(page, site, 1)),
    Scenario::new("walk-webgpu-default", |page, site| {
        explore::walk(page, site, 3)
    }),
    Scenario::new("controls", controls),
];

/// A page with a few elements, for [`harness`].
const SMALL_PAGE: &str = "data:text/html,<title>Small</title><input id=name oninput='entered = this.value'><input id=files type=file multiple>\
    <button id=late disabled>Go</button><p id=out></p><script>\
    setTimeout(() => { late.disabled = false }, 300);\
    late.onclick = () => setTimeout(() => { \
      out.textContent = name_of() + ' ' + files.files.length; console.log('clicked') }, 300);\
    const name_of = () => document.getElementById('name').value;</script>";

/// Checks the harness itself on a page with a few elements.
fn harness(session: &Session, _: &Site) -> Result<()> {
    session.resize_to_phone()?;
    session.go_to(SMALL_PAGE)?;
    session.fill("#name", "first")?;
    session.fill("#name", "")?;
    let entered = session.execute("return window.entered")?;
    ensure!(entered == "", "an emptied field has the value {entered:?}");
    session.fill("#name", "second")?;
    let file = std::env::current_exe().context("this program has no path")?;
    session.choose_files("#files", &[&file, &file])?;
    session.click("#late")?;
    let text = session.wait_for_text("#out", Duration::from_secs(10), |text| !text.is_empty())?;
    ensure!(text == "second 2", "the page wrote {text:?}");
    ensure!(session.count("input")? == 2, "the page has two inputs");
    let console = session.console()?;
    ensure!(
        console
            .iter()
            .any(|entry| entry.message.contains("clicked")),
        "the console holds {console:?}"
    );
    let absent = session.wait_for_element("#absent", Duration::from_millis(200));
    let message = absent
        .err()
        .context("an element was found that is not there")?
        .to_string();
    ensure!(message.contains("#absent"), "the message was {message:?}");
    session.screenshot("harness").map(drop)
}

/// Checks that the page is cross-origin isolated, so that its clock is fine, and that the browser offers WebGPU.
fn isolated(session: &Session, url: &str) -> Result<()> {
    session.go_to(url)?;
    let isolated = session.execute("return window.crossOriginIsolated")?;
    ensure!(isolated == true, "crossOriginIsolated is {isolated}");
    let adapter = session
        .execute("return navigator.gpu.requestAdapter().then(adapter => adapter !== null)")?;
    ensure!(adapter == true, "Chromium has no WebGPU adapter: {adapter}");
    Ok(())
}

/// Checks that the scenarios before this one used every control of the page.
fn controls(_: &Session, site: &Site) -> Result<()> {
    let expected = sources::controls(&site.root.join("app/src/ui"))?;
    let unused: Vec<String> = site.coverage.unused(&expected).into_iter().collect();
    ensure!(
        unused.is_empty(),
        "no scenario uses these controls: {}",
        unused.join(", ")
    );
    println!("  {} controls were used", site.coverage.used_count());
    Ok(())
}
