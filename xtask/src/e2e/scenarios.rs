//! Scenarios for the page, one per file.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{Scenario, Session, Site, explore, sources};

mod bad_file;
mod bench;
mod bench_dialog;
mod cancel_load;
mod change_model;
mod chat;
mod conversation;
mod crashes;
mod insecure;
pub mod lab;
mod lab_controls;
mod lab_tab;
mod no_webgpu;
pub mod other;
mod regenerate;
mod reloads;
mod server;
mod settings;
mod snapshot;
mod storage;
mod stub;
mod suggestion;
mod two_tabs;

/// All scenarios, in the order in which they run.
pub const ALL: &[Scenario] = &[
    Scenario::new("harness", harness),
    Scenario::new("snapshot", snapshot::run),
    Scenario::new("isolated", |session, site| isolated(session, &site.url)),
    Scenario::new("suggestion", |session, site| {
        suggestion::run(session, &site.url)
    }),
    Scenario::new("regenerate", |session, site| {
        regenerate::run(session, &site.url)
    }),
    Scenario::new("conversation", |session, site| {
        conversation::run(session, &site.url)
    }),
    Scenario::new("lab-tab", |session, site| lab_tab::run(session, &site.url)),
    Scenario::new("bench-dialog", |session, site| {
        bench_dialog::run(session, &site.url)
    }),
    Scenario::new("change-model", |session, site| {
        change_model::run(session, &site.url)
    }),
    Scenario::new("settings", |session, site| {
        settings::run(session, &site.url)
    }),
    Scenario::new("two-tabs", |session, site| {
        two_tabs::run(session, &site.url)
    }),
    Scenario::new("reloads", |session, site| reloads::run(session, &site.url)),
    Scenario::new("page-crash", |session, site| {
        crashes::page(session, &site.url)
    }),
    Scenario::new("engine-crash", |session, site| {
        crashes::engine(session, &site.url)
    }),
    Scenario::new("no-webgpu", |session, site| {
        no_webgpu::run(session, &site.url)
    }),
    Scenario::new("insecure", |session, site| {
        insecure::run(session, &site.url)
    }),
    Scenario::new("storage-garbage", |session, site| {
        storage::garbage(session, &site.url)
    }),
    Scenario::new("storage-denied", |session, site| {
        storage::denied(session, &site.url)
    }),
    Scenario::new("cancel-load", |session, site| {
        cancel_load::run(session, &site.url)
    }),
    Scenario::new("chat-cpu", |session, site| {
        chat::run(session, &site.url, "flex")
    }),
    Scenario::new("chat-webgpu", |session, site| {
        chat::run(session, &site.url, "wgpu")
    }),
    Scenario::new("stub", |session, site| stub::run(session, &site.url)),
    Scenario::new("lab", |session, site| lab::run(session, &site.url)),
    Scenario::new("lab-controls", |session, site| {
        lab_controls::run(session, &site.url)
    }),
    Scenario::new("bad-file", |session, site| {
        bad_file::run(session, &site.url)
    }),
    Scenario::new("server", server::run),
    Scenario::new("other-server", |session, site| {
        other::run(session, &site.url)
    }),
    Scenario::new("walk-cpu-default", |session, site| {
        explore::walk(session, site, 0)
    }),
    Scenario::new("walk-webgpu-tiny", |session, site| {
        explore::walk(session, site, 2)
    }),
    Scenario::new("walk-cpu-tiny", |session, site| {
        explore::walk(session, site, 1)
    }),
    Scenario::new("walk-webgpu-default", |session, site| {
        explore::walk(session, site, 3)
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
