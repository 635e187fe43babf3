//! Browsers that kept garbage for the page, and browsers that keep nothing.

use anyhow::{Context as _, Result};

use super::super::Session;
use super::super::steps::{SOON, check_answers, first_visit, load_tiny, wait_for_start};

/// Kept values that no page of ours has written, or an older one.
const GARBAGE: [&str; 5] = [
    "{",
    "null",
    "[1, 2, {\"is_user\": \"perhaps\"}]",
    "{\"backend\": \"abacus\", \"stub\": 7}",
    "\u{0}\u{fffd}",
];

/// Takes away every place where a page can keep something, as a browser does that is told to.
const DENY: &str = "const deny = () => { throw new DOMException('denied by a test', 'SecurityError') };\
    for (const name of ['localStorage', 'sessionStorage', 'indexedDB']) {\
      Object.defineProperty(window, name, { get: deny });\
    }\
    StorageManager.prototype.getDirectory = async () => deny();\
    Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined });";

/// Starts the page over garbage of every kind; it answers as on a first visit.
pub fn garbage(session: &Session, url: &str) -> Result<()> {
    session.resize(1280, 900)?;
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

/// Starts the page where nothing can be kept; it answers, and the lab says why it keeps no runs.
pub fn denied(session: &Session, url: &str) -> Result<()> {
    session.resize(1280, 900)?;
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
