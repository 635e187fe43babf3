//! Browsers with garbage in the page's storage, and browsers that store nothing.

use anyhow::{Context as _, Result};

use super::super::Session;
use super::super::steps::{SOON, check_answers, first_visit, load_tiny, wait_for_start};

/// Stored values that no version of the page wrote, or that an older version wrote.
const GARBAGE: [&str; 5] = [
    "{",
    "null",
    "[1, 2, {\"is_user\": \"perhaps\"}]",
    "{\"backend\": \"abacus\", \"stub\": 7}",
    "\u{0}\u{fffd}",
];

/// Script that denies the page every kind of storage, as a browser does if the user tells it to.
const DENY: &str = "const deny = () => { throw new DOMException('denied by a test', 'SecurityError') };\
    for (const name of ['localStorage', 'sessionStorage', 'indexedDB']) {\
      Object.defineProperty(window, name, { get: deny });\
    }\
    StorageManager.prototype.getDirectory = async () => deny();\
    Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined });";

/// Starts the page with each kind of garbage in its storage; it answers as on a first visit.
pub fn garbage(session: &Session, url: &str) -> Result<()> {
    session.resize_to_desktop()?;
    first_visit(session, url)?;
    for value in GARBAGE {
        start_over(session, value).with_context(|| format!("the browser kept {value:?}"))?;
    }
    load_tiny(session)?;
    check_answers(session)
}

fn start_over(session: &Session, value: &str) -> Result<()> {
    session.client().execute(
        "for (const name of ['settings', 'chat', 'lab']) {\
           localStorage.setItem(`llamaglass.${name}`, arguments[0]);\
         }\
         /* The page keeps its conversation when it is left. */\
         addEventListener('pagehide', event => event.stopImmediatePropagation(), true);\
         Storage.prototype.setItem = () => {}",
        &[value.into()],
    )?;
    session.client().refresh()?;
    wait_for_start(session)?;
    session.check_console()
}

/// Starts the page without any storage; it answers, and the lab says why it keeps no runs.
pub fn denied(session: &Session, url: &str) -> Result<()> {
    session.resize_to_desktop()?;
    session.before_page(DENY)?;
    session.go_to(url)?;
    wait_for_start(session)?;
    load_tiny(session)?;
    check_answers(session)?;
    session.click("[data-testid=lab-open]")?;
    session.wait_for_text("[data-testid=lab-denied]", SOON, |text| !text.is_empty())?;
    session.click("[data-testid=lab-close]")?;
    session.click("[data-testid=copy-answer]")?;
    check_answers(session)
}
