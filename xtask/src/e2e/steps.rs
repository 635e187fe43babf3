//! Steps that scenarios share, in the browser and in the program's window.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::session::Session;
use crate::project::Project;

/// Maximum time for a model to load: several times what a software adapter on two cores takes.
pub const LOAD: Duration = Duration::from_secs(180);
/// Maximum time for an answer, chosen in the same way.
pub const ANSWER: Duration = Duration::from_secs(120);
/// Maximum time for anything that needs no model.
pub const SOON: Duration = Duration::from_secs(30);

/// Prompt whose greedy answer by the default model repeats itself to the end of the context.
const LONG: &str = "Write a long story about a river.";

/// WebDriver's code for the Escape key.
pub const ESCAPE: &str = "\u{e00c}";

/// Reference results of the default model, in which the greedy answer of [`CASE`] ends by itself.
const REFERENCE: &str = include_str!("../../../engine/tests/data/smollm2-135m/greedy.json");
const CASE: &str = "capital";

/// Start of scripts: defines `answers`, the page's answers, and `last`, the last of them.
pub const ANSWERS: &str = "const answers = [...document.querySelectorAll('[data-testid=answer]')];\
    const last = answers.at(-1); ";

/// A model folder of 1 MB with a chat template and random weights; the path is relative to the checkout.
const TINY_FOLDER: &str = "engine/tests/data/families/llama3-tiny";

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

/// Chooses the backend in the settings.
pub fn choose_backend(session: &Session, backend: &str) -> Result<()> {
    session.click("[data-testid=settings-open]")?;
    session.check(&format!("[data-testid=settings-backend-{backend}]"))?;
    session.click("[data-testid=settings-close]")
}

/// Sets the temperature to 0, so that answers have the ids of the reference.
pub fn make_greedy(session: &Session) -> Result<()> {
    session.click("[data-testid=settings-open]")?;
    session.fill("[data-testid=settings-temperature]", "0")?;
    session.click("[data-testid=settings-close]")
}

/// Opens the page on a first visit and loads the default model on the CPU, with settings under which an
/// answer to [`LONG`] does not end by itself.
pub fn start_default(session: &Session, url: &str) -> Result<()> {
    session.resize_to_desktop()?;
    first_visit(session, url)?;
    choose_backend(session, "cpu")?;
    make_endless(session)?;
    session.click("[data-testid=load-default]")?;
    wait_until_ready(session)
}

/// Sets the temperature to 0 and lets answers repeat themselves.
pub fn make_endless(session: &Session) -> Result<()> {
    make_greedy(session)?;
    session.click("[data-testid=settings-open]")?;
    session.check("[data-testid=settings-stop-repetition]")?;
    session.click("[data-testid=settings-close]")
}

/// Limits the tokens of each answer; `None` removes the limit.
pub fn limit_answers(session: &Session, tokens: Option<usize>) -> Result<()> {
    let tokens = tokens.map_or(String::new(), |tokens| tokens.to_string());
    session.click("[data-testid=settings-open]")?;
    session.fill("[data-testid=settings-max-tokens]", &tokens)?;
    session.click("[data-testid=settings-close]")
}

/// Removes everything that the browser stored for the page, and opens the page.
pub fn first_visit(session: &Session, url: &str) -> Result<()> {
    // The page saves its conversation when it is left, so it has to be left first.
    session.go_to("about:blank")?;
    let everything = json!({ "origin": url, "storageTypes": "local_storage,indexeddb" });
    session
        .client()
        .devtools("Storage.clearDataForOrigin", &everything)?;
    session.go_to(url)?;
    wait_for_start(session)
}

/// Waits until the page has replaced its splash.
pub fn wait_for_start(session: &Session) -> Result<()> {
    let element = "[data-testid=status-engine]";
    session.wait_for_element(element, SOON).map(drop)
}

/// Loads the small model from its files; it loads in a moment and answers at once.
pub fn load_tiny(session: &Session) -> Result<()> {
    let files = tiny_files()?;
    let files: Vec<_> = files.iter().map(|file| &**file).collect();
    session.wait_for_element("[data-testid=open-file-input]:enabled", SOON)?;
    session.choose_files("[data-testid=open-file-input]", &files)?;
    wait_until_ready(session)
}

/// Returns the small model's files, sorted by name.
pub fn tiny_files() -> Result<Vec<PathBuf>> {
    let folder = Project::find()?.root.join(TINY_FOLDER);
    let entries = folder
        .read_dir()
        .with_context(|| format!("could not list {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Copies the small model into a folder below `parent` that holds nothing else, and returns the folder.
pub fn tiny_folder(parent: &Path) -> Result<PathBuf> {
    let folder = parent.join("tiny");
    let create = || format!("could not create {}", folder.display());
    fs::create_dir_all(&folder).with_context(create)?;
    for file in tiny_files()? {
        let copy = folder.join(file.file_name().unwrap_or_default());
        fs::copy(file, copy).with_context(create)?;
    }
    Ok(folder)
}

/// Returns the engine's state: starting, empty, loading, ready or crashed; an empty string if the page has not
/// started.
pub fn engine_state(session: &Session) -> Result<String> {
    let state = session.execute(
        "return document.querySelector('[data-testid=status-engine]')?.dataset.engine ?? ''",
    )?;
    Ok(state.as_str().unwrap_or_default().to_owned())
}

/// Returns the texts of all turns of the conversation, in order.
pub fn conversation(session: &Session) -> Result<Vec<String>> {
    let turns = session.execute(
        "return [...document.querySelectorAll('.turn')]\
           .map(turn => turn.querySelector('.plain, .markdown').textContent)",
    )?;
    let turns = turns.as_array().context("the page has no turns")?;
    let texts = turns.iter().filter_map(Value::as_str);
    Ok(texts.map(str::to_owned).collect())
}

/// Asks a short question, waits for an answer (for some of its text, or its end), and stops it.
pub fn check_answers(session: &Session) -> Result<()> {
    let before = session.count("[data-testid=answer]")?;
    send(session, "Say hi.")?;
    wait_for_answer(session, before)?;
    stop_answer(session)
}

/// Waits until there are more than `before` answers and the last one has text or has ended.
pub fn wait_for_answer(session: &Session, before: usize) -> Result<()> {
    session.wait_for("an answer", ANSWER, || {
        let begun = session.execute(&format!(
            "{ANSWERS} return answers.length > {before} && (last.dataset.state !== 'streaming' ||\
               last.querySelector('.markdown').textContent.trim() !== '')"
        ))?;
        Ok((begun == true).then_some(()))
    })
}

/// Stops the streaming answer, if there is one, and waits for its end.
pub fn stop_answer(session: &Session) -> Result<()> {
    session.wait_for("the answer to stop", ANSWER, || {
        // The answer may end by itself between two commands.
        if session.count("[data-testid=stop]")? > 0 {
            session.click_now("[data-testid=stop]")?;
        }
        let streaming = session.count("[data-testid=answer][data-state=streaming]")?;
        Ok((streaming == 0).then_some(()))
    })
}

/// Returns the question of [`CASE`], and the token ids of its answer up to and including the EOS id.
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

/// Types the question and sends it.
pub fn send(session: &Session, question: &str) -> Result<()> {
    session.fill("[data-testid=composer]", question)?;
    session.click("[data-testid=send]")
}

/// Asks the question, waits for the whole answer, and returns its token ids.
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

/// Waits until there are more than `before` answers and the last one has ended, and returns its state.
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

/// Checks that each token has a bar, and that each bar's parts add up to the step's wall time.
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

/// Starts a long answer, waits for its first tokens, and returns the number of answers before it.
pub fn begin_long(session: &Session) -> Result<usize> {
    let before = session.count("[data-testid=answer]")?;
    send(session, LONG)?;
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
