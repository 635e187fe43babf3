//! The explorer's snapshots, on a small page with known faults.

use anyhow::{Result, ensure};

use super::super::explore::snapshot::Snapshot;
use super::super::{Session, Site};

/// A page with controls that are usable, that are not, and that can't be brought into the window.
const PAGE: &str = "data:text/html,<!doctype html><title>Faults</title>\
    <style>.cut { width: 200px; height: 50px; overflow: hidden; position: relative }\
      .scroll { width: 200px; height: 50px; overflow: auto }\
      .low { display: block; margin-top: 300px }</style>\
    <div id=field data-value=''><textarea data-testid=composer></textarea></div>\
    <button data-testid=good>Good</button>\
    <button data-testid=disabled disabled>Disabled</button>\
    <div inert><button data-testid=inert>Inert</button></div>\
    <details><summary data-testid=summary>More</summary><button data-testid=folded>Folded</button></details>\
    <div class=scroll><button data-testid=scrolled class=low>Scrolled</button></div>\
    <div class=cut><button data-testid=cut class=low>Cut</button></div>\
    <button data-testid=outside style='position: fixed; top: 0; left: 120vw'>Outside</button>\
    <button data-testid=above style='position: absolute; top: -80px'>Above</button>\
    <p style='margin-top: 2000px'><button data-testid=below>Below</button></p>\
    <script>\
      const composer = document.querySelector('textarea');\
      composer.oninput = () => { field.dataset.value = composer.value };\
    </script>";

/// Usable controls, in the snapshot's order.
const USABLE: [&str; 8] = [
    "above", "below", "composer", "cut", "good", "outside", "scrolled", "summary",
];
/// Usable controls that can't be brought into the window.
const UNREACHABLE: [&str; 3] = ["above", "cut", "outside"];

/// Takes a snapshot of the page, breaks the page, and takes another one.
pub fn run(session: &Session, _: &Site) -> Result<()> {
    session.go_to(PAGE)?;
    let snapshot = Snapshot::take(session, "data:")?;
    // The controls of this page do not count as controls of the page under test.
    session.coverage().clear();
    let keys: Vec<&str> = snapshot.controls.iter().map(|of| &*of.key).collect();
    ensure!(keys == USABLE, "the controls are {keys:?}");
    let mut unreachable: Vec<&str> = snapshot
        .state
        .unreachable
        .iter()
        .filter_map(|words| words.split_whitespace().next())
        .collect();
    unreachable.sort_unstable();
    ensure!(
        unreachable == UNREACHABLE,
        "out of reach are {:?}",
        snapshot.state.unreachable
    );
    let dead = snapshot.state.dead;
    ensure!(dead.is_none(), "a page that lives is taken for {dead:?}");
    session.check_console()?;

    session.execute(
        "document.querySelector('textarea').oninput = null;\
         console.error('panicked at made by a test');\
         document.body.append('panicked at made by a test')",
    )?;
    let snapshot = Snapshot::take(session, "data:")?;
    session.coverage().clear();
    ensure!(
        snapshot.state.dead.is_some(),
        "a page that ignores what is typed is taken for alive"
    );
    ensure!(snapshot.state.panic.is_some(), "a panic was overlooked");
    let console = session.check_console();
    ensure!(console.is_err(), "an error in the console was overlooked");
    Ok(())
}
