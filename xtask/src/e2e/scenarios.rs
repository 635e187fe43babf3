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

/// Returns all scenarios, in the order in which they run.
pub fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "harness",
            run: harness,
        },
        Scenario {
            name: "snapshot",
            run: snapshot::run,
        },
        Scenario {
            name: "isolated",
            run: |session, site| isolated(session, &site.url),
        },
        Scenario {
            name: "suggestion",
            run: |session, site| suggestion::run(session, &site.url),
        },
        Scenario {
            name: "regenerate",
            run: |session, site| regenerate::run(session, &site.url),
        },
        Scenario {
            name: "conversation",
            run: |session, site| conversation::run(session, &site.url),
        },
        Scenario {
            name: "lab-tab",
            run: |session, site| lab_tab::run(session, &site.url),
        },
        Scenario {
            name: "bench-dialog",
            run: |session, site| bench_dialog::run(session, &site.url),
        },
        Scenario {
            name: "change-model",
            run: |session, site| change_model::run(session, &site.url),
        },
        Scenario {
            name: "settings",
            run: |session, site| settings::run(session, &site.url),
        },
        Scenario {
            name: "two-tabs",
            run: |session, site| two_tabs::run(session, &site.url),
        },
        Scenario {
            name: "reloads",
            run: |session, site| reloads::run(session, &site.url),
        },
        Scenario {
            name: "page-crash",
            run: |session, site| crashes::page(session, &site.url),
        },
        Scenario {
            name: "engine-crash",
            run: |session, site| crashes::engine(session, &site.url),
        },
        Scenario {
            name: "no-webgpu",
            run: |session, site| no_webgpu::run(session, &site.url),
        },
        Scenario {
            name: "insecure",
            run: |session, site| insecure::run(session, &site.url),
        },
        Scenario {
            name: "storage-garbage",
            run: |session, site| storage::garbage(session, &site.url),
        },
        Scenario {
            name: "storage-denied",
            run: |session, site| storage::denied(session, &site.url),
        },
        Scenario {
            name: "cancel-load",
            run: |session, site| cancel_load::run(session, &site.url),
        },
        Scenario {
            name: "chat-cpu",
            run: |session, site| chat::run(session, &site.url, "flex"),
        },
        Scenario {
            name: "chat-webgpu",
            run: |session, site| chat::run(session, &site.url, "wgpu"),
        },
        Scenario {
            name: "stub",
            run: |session, site| stub::run(session, &site.url),
        },
        Scenario {
            name: "lab",
            run: |session, site| lab::run(session, &site.url),
        },
        Scenario {
            name: "lab-controls",
            run: |session, site| lab_controls::run(session, &site.url),
        },
        Scenario {
            name: "bad-file",
            run: |session, site| bad_file::run(session, &site.url),
        },
        Scenario {
            name: "server",
            run: server::run,
        },
        Scenario {
            name: "other-server",
            run: |session, site| other::run(session, &site.url),
        },
        Scenario {
            name: "walk-cpu-default",
            run: |session, site| explore::walk(session, site, 0),
        },
        Scenario {
            name: "walk-webgpu-tiny",
            run: |session, site| explore::walk(session, site, 2),
        },
        Scenario {
            name: "walk-cpu-tiny",
            run: |session, site| explore::walk(session, site, 1),
        },
        Scenario {
            name: "walk-webgpu-default",
            run: |session, site| explore::walk(session, site, 3),
        },
        Scenario {
            name: "controls",
            run: controls,
        },
    ]
}

/// A page with a few elements, for [`harness`].
const SMALL_PAGE: &str = "data:text/html,<title>Small</title><input id=name oninput='heard = this.value'><input id=files type=file multiple>\
    <button id=late disabled>Go</button><p id=out></p><script>\
    setTimeout(() => { late.disabled = false }, 300);\
    late.onclick = () => setTimeout(() => { \
      out.textContent = name_of() + ' ' + files.files.length; console.log('clicked') }, 300);\
    const name_of = () => document.getElementById('name').value;</script>";

/// Checks the harness itself on a page with a few elements.
fn harness(session: &Session, _: &Site) -> Result<()> {
    session.resize(390, 844)?;
    session.go_to(SMALL_PAGE)?;
    session.fill("#name", "first")?;
    session.fill("#name", "")?;
    let heard = session.execute("return window.heard")?;
    ensure!(
        heard == "",
        "the page heard {heard:?} of a field that was emptied"
    );
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
