//! Stub levels in the page: a request's path cut short, each level with an answer of its own.

use anyhow::{Context as _, Result, ensure};

use super::super::Session;
use super::super::steps::{LOAD, ask, choose_backend, wait_until_ready};

/// Number of tokens per answer.
const TOKENS: usize = 24;

/// Stub levels. True marks those that the page or its worker implements, whose token ids count up from 0; the
/// engine implements the others.
const LEVELS: [(u8, bool); 6] = [
    (1, true),
    (2, true),
    (3, true),
    (4, true),
    (5, false),
    (6, false),
];

/// Asks a question at each level.
pub fn run(session: &Session, url: &str) -> Result<()> {
    session.resize_to_desktop()?;
    session.go_to(url)?;
    choose_backend(session, "cpu")?;
    choose(session, LEVELS[0].0)?;
    session.click("[data-testid=load-default]")?;
    for (level, is_stub) in LEVELS {
        if level != LEVELS[0].0 {
            session.click("[data-testid=clear]")?;
            choose(session, level)?;
        }
        session.wait_for_text("[data-testid=status-stub]", LOAD, |text| {
            text.starts_with(&format!("{level}:"))
        })?;
        wait_until_ready(session)?;
        let ids = ask(session, "Count.")?;
        ensure!(
            ids.len() == TOKENS,
            "level {level} picked {} tokens",
            ids.len()
        );
        let numbered = ids.iter().copied().eq(0..TOKENS as u64);
        ensure!(numbered == is_stub, "level {level} sampled {ids:?}");
        let figure = |id: &str| session.text(&format!("[data-testid=stat-{id}]"));
        println!(
            "  level {level}: TPOT p50 {} in the page, steps p50 {}",
            figure("tpot-p50")?,
            figure("step-p50")?
        );
    }
    session.screenshot("stub").map(drop)
}

/// Chooses a level, and limits answers to [`TOKENS`].
fn choose(session: &Session, level: u8) -> Result<()> {
    let level = level.to_string();
    session.click("[data-testid=settings-open]")?;
    session.fill("[data-testid=settings-max-tokens]", &TOKENS.to_string())?;
    session.choose("[data-testid=settings-stub]", &level)?;
    session
        .click("[data-testid=settings-close]")
        .context("closing the settings")
}
