//! Tests of the page over mock servers.

use llamaglass_app::state::{self, App, Connection, Engine};

use super::*;

/// Installs the mock servers, with an empty record of requests.
fn make_up() {
    script(include_str!("servers.js"));
}

fn script(body: &str) -> wasm_bindgen::JsValue {
    js_sys::Function::new_no_args(body)
        .call0(&wasm_bindgen::JsValue::NULL)
        .unwrap()
}

/// Returns a property of the mock servers as JSON.
fn heard(what: &str) -> String {
    let json = script(&format!("return JSON.stringify(window.servers.{what})"));
    json.as_string().unwrap_or_default()
}

async fn connect(stage: &Stage, url: &str, key: &str) {
    stage
        .wait("the picker", |s| s.find("server-open").is_some())
        .await;
    if stage.find("server-url").is_none() {
        stage.click("server-open");
        stage
            .wait("the form", |s| s.find("server-url").is_some())
            .await;
    }
    stage.set("server-url", url);
    stage.set("server-key", key);
    stage.click("server-connect");
}

async fn connected(url: &str) -> Stage {
    make_up();
    let stage = Stage::new();
    connect(&stage, url, "").await;
    stage
}

#[wasm_bindgen_test]
async fn server_with_timings_gets_a_bar_per_token() {
    let stage = connected("ours.test/").await;
    stage.wait("the server", |s| s.app.can_send()).await;
    stage
        .wait("its name", |s| {
            s.text("status-server").contains("ours.test")
        })
        .await;
    assert!(stage.text("where-it-runs").contains("leaves this browser"));
    assert_eq!(stage.text("status-model"), "tiny");
    assert!(stage.find("status-backend").is_none());
    stage.ask("hello").await;
    let answer = stage.find("answer").unwrap();
    assert_eq!(
        answer.get_attribute("data-ids").as_deref(),
        Some("11,12,13")
    );
    assert_eq!(stage.text("answer").matches("Paris it is").count(), 1);
    assert_eq!(stage.count("[data-testid='bar']"), 3);
    assert_eq!(stage.count("[data-testid='prefill-bar']"), 1);
    let bar = stage
        .root
        .query_selector("[data-token-index='1']")
        .unwrap()
        .unwrap();
    let forward = number(&bar, "data-forward-ms");
    assert_eq!((number(&bar, "data-wall-ms"), forward), (8.0, 4.0));
    assert_eq!(stage.text("stat-prompt"), "12");
    assert_eq!(stage.text("stat-reused"), "5");
    assert!(
        stage
            .text("clocks")
            .contains("the server's monotonic clock")
    );
    let own = stage.text("servers-own");
    assert!(own.contains("TTFT 41.0 ms, TPOT p50 8.0 ms"), "{own}");
    let asked = heard("asked.at(-1)");
    assert!(
        asked.contains("http://ours.test/v1/chat/completions"),
        "{asked}"
    );
    assert!(asked.contains("include_timings"), "{asked}");
}

#[wasm_bindgen_test]
async fn server_without_timings_shows_only_arrivals_of_text() {
    let stage = connected("http://other.test/v1/models").await;
    stage
        .wait("its models", |s| s.find("server-use").is_some())
        .await;
    let select: web_sys::HtmlSelectElement = stage.find("server-model").unwrap().unchecked_into();
    select.set_value("1");
    let event = web_sys::Event::new("change").unwrap();
    select.dispatch_event(&event).unwrap();
    stage.click("server-use");
    stage.wait("the server", |s| s.app.can_send()).await;
    stage.ask("hello").await;
    assert!(stage.text("answer").contains("Paris it is, I say."));
    assert!(stage.text("answer").contains("Stopped at the token limit"));
    let answer = stage.find("answer").unwrap();
    assert_eq!(answer.get_attribute("data-ids").as_deref(), Some(""));
    assert_eq!(stage.count("[data-testid='bar']"), 0);
    assert_eq!(stage.count("[data-testid='piece-bar']"), 3);
    assert!(stage.text("opaque").contains("tells nothing of its steps"));
    assert!(stage.text("opaque").contains("performance.now()"));
    assert!(stage.find("clocks").is_none());
    assert_eq!(stage.count(".legend [data-part='forward']"), 0);
    let figures = [
        "stat-pieces",
        "stat-prompt",
        "stat-reused",
        "stat-generated",
    ];
    assert_eq!(figures.map(|id| stage.text(id)), ["3", "12", "–", "7"]);
    assert!(stage.text("detail").contains("after the piece before"));
    let asked = heard("asked.at(-1).body");
    assert!(asked.contains("\"model\":\"b\""), "{asked}");
    assert!(
        !asked.contains("include_timings") && !asked.contains("top_k"),
        "{asked}"
    );
    let kept = App::new().settings.get_untracked().server.unwrap();
    assert_eq!(
        (kept.url.as_str(), kept.model.as_str()),
        ("http://other.test/v1", "b")
    );
}

/// Connects to the server with two models and uses the preselected one.
async fn other() -> Stage {
    let stage = connected("other.test").await;
    stage
        .wait("its models", |s| s.find("server-use").is_some())
        .await;
    stage.click("server-use");
    stage.wait("the server", |s| s.app.can_send()).await;
    stage
}

#[wasm_bindgen_test]
async fn stop_disconnects_and_the_next_answer_arrives() {
    let stage = other().await;
    state::send(stage.app, "a long one".into());
    stage
        .wait("text", |s| s.count("[data-testid='piece-bar']") > 3)
        .await;
    stage.click("stop");
    stage.wait("the end", |s| s.app.can_send()).await;
    pause(30).await;
    let state = stage.find("answer").unwrap().get_attribute("data-state");
    assert_eq!(state.as_deref(), Some("aborted"));
    assert_eq!(heard("left"), "1");
    let pieces = stage.count("[data-testid='piece-bar']");
    pause(60).await;
    assert_eq!(
        stage.count("[data-testid='piece-bar']"),
        pieces,
        "none after the end"
    );
    stage.ask("again").await;
    assert_eq!(stage.count("[data-testid='answer'][data-state='done']"), 1);
}

#[wasm_bindgen_test]
async fn server_errors_are_shown_in_its_words() {
    let stage = other().await;
    for (text, words) in [("refuse it", "400: too long"), ("break it", "no memory")] {
        stage.ask(text).await;
        assert!(
            stage.text("answer-error").contains(words),
            "{}",
            stage.text("answer-error")
        );
        state::clear(stage.app);
        pause(30).await;
    }
    stage.ask("hello").await;
    assert_eq!(stage.count("[data-testid='answer'][data-state='done']"), 1);
}

#[wasm_bindgen_test]
async fn unusable_server_is_explained_and_keeps_the_model() {
    make_up();
    let stage = Stage::loaded().await;
    stage.click("change-model");
    for (url, key, words) in [
        ("", "", "the address is empty"),
        ("ftp://other.test", "", "ftp"),
        (
            "gone.test",
            "",
            "nothing answers there, or it does not let in pages of http",
        ),
        (
            "cors.test",
            "",
            "answers, but does not let in pages of http",
        ),
        ("key.test", "", "wants an API key"),
        ("key.test", "wrong", "wants an API key"),
        ("empty.test", "", "serves no model"),
        ("text.test", "", "<html>"),
    ] {
        connect(&stage, url, key).await;
        stage
            .wait(words, |s| s.text("server-error").contains(words))
            .await;
        assert!(stage.app.can_send(), "the model is still there");
    }
    connect(&stage, "slow.test", "").await;
    stage
        .wait("the wait", |s| {
            s.text("server-asking").contains("slow.test")
        })
        .await;
    stage.click("server-cancel");
    stage
        .wait("its end", |s| s.find("server-connect").is_some())
        .await;
    assert_eq!(
        stage.app.server_form.connection.get_untracked(),
        Connection::Idle
    );

    connect(&stage, "key.test", " secret ").await;
    stage.wait("the server", |s| s.app.server().is_some()).await;
    let storage = window().local_storage().unwrap().unwrap();
    let settings = storage.get_item("llamaglass.settings").unwrap().unwrap();
    assert!(
        settings.contains("key.test") && !settings.contains("secret"),
        "{settings}"
    );
}

#[wasm_bindgen_test]
async fn local_model_takes_over_from_a_server() {
    let stage = connected("ours.test").await;
    stage.wait("the server", |s| s.app.can_send()).await;
    stage.click("bench-open");
    stage
        .wait("the words", |s| s.text("bench-needs").contains("server"))
        .await;
    assert!(stage.find("bench-start").unwrap().has_attribute("disabled"));
    stage.app.bench_open.set(false);
    stage.load("model.gguf");
    stage
        .wait("the model", |s| s.app.can_send() && s.app.model().is_some())
        .await;
    stage
        .wait("the CPU", |s| s.text("status-backend") == "CPU")
        .await;
    assert!(stage.find("status-server").is_none());
    stage.ask("hello").await;
    assert!(stage.text("answer").contains("The capital"));
}

#[wasm_bindgen_test]
async fn own_server_is_used_when_page_has_no_models() {
    make_up();
    script("window.servers.own = 'ours.test'");
    let stage = Stage::new();
    stage
        .wait("the engine", |s| {
            s.app.engine.get_untracked() == Engine::Empty
        })
        .await;
    stage.app.catalog.set(Some(Ok(Vec::new())));
    state::find_own(stage.app).await;
    stage
        .wait("the offer", |s| s.text("own-server").contains("Use tiny"))
        .await;
    assert!(
        stage.app.server().is_none(),
        "where there are models, it is only offered"
    );
    stage.app.catalog.set(Some(Err("there is none".into())));
    state::find_own(stage.app).await;
    stage.wait("the server", |s| s.app.server().is_some()).await;
}

#[wasm_bindgen_test]
async fn own_server_form_opens_when_key_is_required() {
    make_up();
    script("window.servers.own = 'key.test'");
    let stage = Stage::new();
    stage.app.catalog.set(Some(Err("there is none".into())));
    state::find_own(stage.app).await;
    stage
        .wait("the form", |s| s.find("server-key").is_some())
        .await;
    let origin = window().location().origin().unwrap();
    stage.set("server-key", "secret");
    stage.click("server-connect");
    stage.wait("the server", |s| s.app.server().is_some()).await;
    assert_eq!(stage.app.server().unwrap().url, format!("{origin}/v1"));
}
