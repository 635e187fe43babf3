//! The page served and answered by `llamaglass serve`: answers equal those of the page's own engine, and have
//! the time of every step.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::super::steps::{
    ANSWERS, SOON, abort, ask, check_bars, make_greedy, reference, wait_until_ready,
};
use super::super::{Session, Site};
use crate::product::Server;

/// Asks the server that the page came from, compares the answer, stops another one, and asks again.
pub fn run(session: &Session, site: &Site) -> Result<()> {
    session.resize_to_desktop()?;
    let dist = site.dist.as_os_str();
    let server = Server::start(&site.program, &site.model, ["--page".as_ref(), dist])?;
    session.go_to(&server.url)?;
    // The page came from a server with a model, so it uses that model without being told to.
    wait_until_ready(session)?;
    let shown = session.text("[data-testid=status-server]")?;
    let host = server.url.trim_start_matches("http://");
    ensure!(shown.contains(host), "the page names the server {shown:?}");

    make_greedy(session)?;
    let (question, expected) = reference()?;
    let ids = ask(session, &question)?;
    ensure!(
        ids == expected,
        "the answer's ids are {ids:?}, not {expected:?}"
    );
    check_bars(session, expected.len())?;
    let shown = session.execute(&format!(
        "{ANSWERS} return last.querySelector('.markdown').textContent"
    ))?;
    let elsewhere = answer_elsewhere(&server, &question)?;
    ensure!(
        shown == elsewhere.as_str(),
        "the page shows {shown}, another client gets {elsewhere:?}"
    );
    let own = session.text("[data-testid=servers-own]")?;
    ensure!(
        own.contains("TTFT"),
        "of the server's own time there is {own:?}"
    );
    println!("  {own}");
    session.screenshot("server")?;

    abort(session)?;
    session.wait_for("the server to notice", SOON, || {
        let metrics = get(&format!("{}/metrics", server.url))?;
        let has = |wanted: &str| metrics.lines().any(|line| line == wanted);
        let noticed = has("llamaglass_requests_total{reason=\"disconnect\"} 1");
        Ok((noticed && has("llamaglass_requests_running 0")).then_some(()))
    })?;
    // A server that the user has chosen answers the same.
    session.click("[data-testid=change-model]")?;
    session.click("[data-testid=own-server]")?;
    wait_until_ready(session)?;
    session.click("[data-testid=clear]")?;
    let again = ask(session, &question)?;
    ensure!(again == expected, "after an abort the ids are {again:?}");
    session.resize_to_phone()?;
    session.screenshot("server-narrow").map(drop)
}

/// Returns the server's answer to a client that does not stream.
fn answer_elsewhere(server: &Server, question: &str) -> Result<String> {
    let body = json!({
        "messages": [{ "role": "user", "content": question }], "temperature": 0,
    });
    let url = format!("{}/v1/chat/completions", server.url);
    let mut response = ureq::post(&url)
        .content_type("application/json")
        .send(body.to_string())
        .context("the server does not answer")?;
    let answer: Value = serde_json::from_str(&response.body_mut().read_to_string()?)?;
    let text = answer["choices"][0]["message"]["content"].as_str();
    Ok(text.context("the answer has no text")?.to_owned())
}

fn get(url: &str) -> Result<String> {
    Ok(ureq::get(url).call()?.body_mut().read_to_string()?)
}
