//! The real model, a question, its greedy answer, the overlay, an abort, and another question.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::super::Session;
use super::bench;

/// Several times what a software adapter on two cores takes.
const LOAD: Duration = Duration::from_secs(180);
const ANSWER: Duration = Duration::from_secs(120);

/// The reference's case whose greedy answer ends by itself.
const REFERENCE: &str = include_str!("../../../../engine/tests/data/smollm2-135m/greedy.json");
const CASE: &str = "capital";

/// The answers of the page, as scripts see them.
pub const ANSWERS: &str = "const answers = [...document.querySelectorAll('[data-testid=answer]')];\
    const last = answers.at(-1); ";

/// Loads the default model on `backend` and talks to it.
pub fn run(session: &Session, url: &str, backend: &str) -> Result<()> {
    session.resize(1280, 900)?;
    session.go_to(url)?;
    choose_backend(session, backend)?;
    session.click("[data-testid=load-default]")?;
    wait_until_ready(session)?;
    let name = session.text("[data-testid=status-backend]")?;
    let adapter = session.text("[data-testid=status-adapter]")?;
    println!("  {name} on {adapter}");
    ensure!(
        !adapter.is_empty() && !adapter.contains("unnamed"),
        "the page names no adapter: {adapter:?}"
    );

    let (question, expected) = reference()?;
    let ids = ask(session, &question)?;
    ensure!(
        ids == expected,
        "the answer's ids are {ids:?}, not {expected:?}"
    );
    check_bars(session, expected.len())?;
    check_device(session, backend)?;
    let figure = |id: &str| session.text(&format!("[data-testid=stat-{id}]"));
    let (page, worker) = (figure("tpot-p50")?, figure("step-p50")?);
    println!("  TPOT p50 {page} in the page, steps p50 {worker} in the worker");
    session.screenshot(&format!("chat-{backend}"))?;

    abort(session)?;
    session.click("[data-testid=clear]")?;
    let again = ask(session, &question)?;
    ensure!(again == expected, "after an abort the ids are {again:?}");
    session.resize(390, 844)?;
    session.screenshot(&format!("chat-{backend}-narrow"))?;
    session.resize(1280, 900)?;
    bench::run(session, backend)
}

/// Waits until a model is loaded.
pub fn wait_until_ready(session: &Session) -> Result<()> {
    let state = session.wait_for("a loaded model", LOAD, || {
        let state = session.execute(
            "const failed = document.querySelector('[data-testid=error], [data-testid=crashed]');\
             if (failed) return 'failed: ' + failed.textContent;\
             return document.querySelector('[data-testid=status-engine]')?.dataset.engine ?? ''",
        )?;
        let state = state.as_str().unwrap_or_default().to_owned();
        let ended = state == "ready" || state.starts_with("failed: ");
        Ok(ended.then_some(state))
    })?;
    ensure!(state == "ready", "the model was not loaded; {state}");
    Ok(())
}

/// Chooses where the model runs, as the settings' radio buttons do.
pub fn choose_backend(session: &Session, backend: &str) -> Result<()> {
    session.click("[data-testid=settings-open]")?;
    session.wait_for_element("[data-testid=settings-backend]", Duration::from_secs(10))?;
    session.execute(&format!(
        "document.querySelector('[data-testid=settings-backend-{backend}]').click()"
    ))?;
    session.click("[data-testid=settings-close]")
}

/// The case's question and its ids up to and with the end id.
pub fn reference() -> Result<(String, Vec<u64>)> {
    let file: Value = serde_json::from_str(REFERENCE)?;
    let case = file["cases"]
        .as_array()
        .and_then(|cases| cases.iter().find(|case| case["name"] == CASE))
        .context("the reference has no such case")?;
    let question = case["messages"][0]["content"]
        .as_str()
        .context("the case has no question")?;
    let end = case["first_eos"].as_u64().context("the case has no end")?;
    let ids = case["ids"].as_array().context("the case has no ids")?;
    let ids = ids.iter().filter_map(Value::as_u64).take(end as usize + 1);
    Ok((question.to_owned(), ids.collect()))
}

/// Asks.
pub fn send(session: &Session, question: &str) -> Result<()> {
    session.fill("[data-testid=composer]", question)?;
    session.click("[data-testid=send]")
}

/// Asks and waits for the whole answer; its ids.
pub fn ask(session: &Session, question: &str) -> Result<Vec<u64>> {
    let before = session.count("[data-testid=answer]")?;
    send(session, question)?;
    let state = wait_for_end(session, before)?;
    ensure!(state == "done", "the answer ended as {state:?}");
    let ids = session.execute(&format!("{ANSWERS} return last.dataset.ids"))?;
    let ids = ids.as_str().context("the answer has no ids")?;
    ids.split(',')
        .map(|id| id.parse().with_context(|| format!("{id:?} is no id")))
        .collect()
}

/// Waits until there are more than `before` answers and the last one has ended; how it ended.
pub fn wait_for_end(session: &Session, before: usize) -> Result<String> {
    session.wait_for("the answer's end", ANSWER, || {
        let state = session.execute(&format!(
            "{ANSWERS} return answers.length > {before} ? last.dataset.state : ''"
        ))?;
        let state = state.as_str().unwrap_or_default();
        Ok(["done", "aborted", "failed"]
            .contains(&state)
            .then(|| state.to_owned()))
    })
}

/// A GPU's own clock is read in every step; the CPU backend has none, and says nothing of one.
fn check_device(session: &Session, backend: &str) -> Result<()> {
    for part in ["device-clock", "device-spans"] {
        let said = session.text(&format!("[data-testid={part}]"))?;
        let wanted = backend == "wgpu";
        ensure!(
            wanted == said.contains("sampling"),
            "on {backend}, {part} says {said:?}"
        );
    }
    Ok(())
}

/// A bar for each token, and each bar's parts add up to the step's wall time.
pub fn check_bars(session: &Session, tokens: usize) -> Result<()> {
    let bars = session.execute(
        "return [...document.querySelectorAll('[data-testid=bar]')].map(bar => {\
           const ms = name => Number(bar.dataset[name + 'Ms']);\
           return [ms('wall'), ms('preprocess') + ms('forward') + ms('sampling') + ms('text'), ms('rest')];\
         })",
    )?;
    let bars = bars.as_array().context("there are no bars")?;
    ensure!(
        bars.len() == tokens,
        "{} bars for {tokens} tokens",
        bars.len()
    );
    for (index, bar) in bars.iter().enumerate() {
        let part = |i: usize| bar[i].as_f64().context("a bar lacks a figure");
        let (wall, stages, rest) = (part(0)?, part(1)?, part(2)?);
        ensure!(wall > 0.0, "token {index} took no time");
        ensure!(
            (stages - wall).abs() <= 0.02 * wall,
            "token {index}: stages {stages} ms, wall {wall} ms"
        );
        ensure!(
            (stages + rest - wall).abs() <= 1e-6 * wall,
            "token {index}: the rest is not shown whole"
        );
    }
    Ok(())
}

/// Starts a long answer, waits for its first tokens, and gives how many answers there were before.
pub fn begin_long(session: &Session) -> Result<usize> {
    let before = session.count("[data-testid=answer]")?;
    send(session, "Explain why the sky is blue in a few sentences.")?;
    session.wait_for("the first tokens", ANSWER, || {
        let ids = session.execute(&format!(
            "{ANSWERS} return answers.length > {before} ? last.dataset.ids.split(',').length : 0"
        ))?;
        Ok((ids.as_u64() > Some(1)).then_some(before))
    })
}

/// Starts a long answer and stops it after its first tokens.
pub fn abort(session: &Session) -> Result<()> {
    let before = begin_long(session)?;
    session.click("[data-testid=stop]")?;
    let state = wait_for_end(session, before)?;
    ensure!(state == "aborted", "a stopped answer ended as {state:?}");
    Ok(())
}
