//! Tests of the page over mock servers.

use llamaglass_app::engine::Engine;
use llamaglass_app::state::{self, App, Connection};

use super::*;

/// Installs the mock servers, with an empty record of requests.
fn install_mock_servers() {
    script(include_str!("servers.js"));
}

fn script(body: &str) -> wasm_bindgen::JsValue {
    js_sys::Function::new_no_args(body)
        .call0(&wasm_bindgen::JsValue::NULL)
        .unwrap()
}

/// Returns a property of the mock servers as JSON.
fn recorded(property: &str) -> String {
    let json = script(&format!("return JSON.stringify(window.servers.{property})"));
    json.as_string().unwrap_or_default()
}

async fn connect(page: &TestPage, url: &str, key: &str) {
    page.appears("server-open").await;
    if page.find("server-url").is_none() {
        page.click("server-open");
        page.appears("server-url").await;
    }
    page.set("server-url", url);
    page.set("server-key", key);
    page.click("server-connect");
}

async fn connected(url: &str) -> TestPage {
    install_mock_servers();
    let page = TestPage::new();
    connect(&page, url, "").await;
    page
}

#[wasm_bindgen_test]
async fn server_with_timings_gets_a_bar_per_token() {
    let page = connected("ours.test/").await;
    page.wait("the server", |s| s.app.can_send()).await;
    page.wait("its name", |s| {
        s.text("status-server").contains("ours.test")
    })
    .await;
    assert!(page.text("where-it-runs").contains("leave this browser"));
    assert_eq!(page.text("status-model"), "tiny");
    assert!(page.find("status-backend").is_none());
    page.ask("hello").await;
    let answer = page.find("answer").unwrap();
    let ids = answer.get_attribute("data-ids");
    assert_eq!(ids.as_deref(), Some("11,12,13"));
    assert_eq!(page.text("answer").matches("Paris it is").count(), 1);
    assert_eq!(page.count("[data-testid='bar']"), 3);
    assert_eq!(page.count("[data-testid='prefill-bar']"), 1);
    let bar = page.first("[data-token-index='1']");
    let forward = number(&bar, "data-forward-ms");
    assert_eq!((number(&bar, "data-wall-ms"), forward), (8.0, 4.0));
    assert_eq!(page.text("stat-prompt"), "12");
    assert_eq!(page.text("stat-reused"), "5");
    assert!(page.text("clocks").contains("the server's monotonic clock"));
    let own = page.text("servers-own");
    assert!(own.contains("TTFT 41.0 ms, TPOT p50 8.0 ms"), "{own}");
    let request = recorded("requests.at(-1)");
    for part in ["http://ours.test/v1/chat/completions", "include_timings"] {
        assert!(request.contains(part), "{request}");
    }
}

#[wasm_bindgen_test]
async fn server_without_timings_shows_only_arrivals_of_text() {
    let page = connected("http://other.test/v1/models").await;
    page.appears("server-use").await;
    let select: web_sys::HtmlSelectElement = page.find("server-model").unwrap().unchecked_into();
    select.set_value("1");
    let event = web_sys::Event::new("change").unwrap();
    select.dispatch_event(&event).unwrap();
    page.click("server-use");
    page.wait("the server", |s| s.app.can_send()).await;
    page.ask("hello").await;
    assert!(page.text("answer").contains("Paris it is, I say."));
    assert!(page.text("answer").contains("Stopped at the token limit"));
    let answer = page.find("answer").unwrap();
    assert_eq!(answer.get_attribute("data-ids").as_deref(), Some(""));
    assert_eq!(page.count("[data-testid='bar']"), 0);
    assert_eq!(page.count("[data-testid='piece-bar']"), 3);
    assert!(page.text("opaque").contains("does not report its steps"));
    assert!(page.text("opaque").contains("performance.now()"));
    assert!(page.find("clocks").is_none());
    assert_eq!(page.count(".legend [data-part='forward']"), 0);
    let figures = ["pieces", "prompt", "reused", "generated"];
    let figures = figures.map(|name| page.text(&format!("stat-{name}")));
    assert_eq!(figures, ["3", "12", "–", "7"]);
    assert!(page.text("detail").contains("after the previous piece"));
    let request = recorded("requests.at(-1).body");
    assert!(request.contains("\"model\":\"b\""), "{request}");
    for part in ["include_timings", "top_k"] {
        assert!(!request.contains(part), "{request}");
    }
    let saved = App::new().settings.get_untracked().server.unwrap();
    assert_eq!([&*saved.url, &*saved.model], ["http://other.test/v1", "b"]);
}

/// Connects to the server with two models and uses the preselected one.
async fn connected_to_other() -> TestPage {
    let page = connected("other.test").await;
    page.appears("server-use").await;
    page.click("server-use");
    page.wait("the server", |s| s.app.can_send()).await;
    page
}

#[wasm_bindgen_test]
async fn stop_disconnects_and_the_next_answer_arrives() {
    let page = connected_to_other().await;
    state::send(page.app, "a long one".into());
    page.wait("text", |s| s.count("[data-testid='piece-bar']") > 3)
        .await;
    page.click("stop");
    page.wait("the end", |s| s.app.can_send()).await;
    pause(30).await;
    let state = page.find("answer").unwrap().get_attribute("data-state");
    assert_eq!(state.as_deref(), Some("aborted"));
    assert_eq!(recorded("aborted"), "1");
    let pieces = page.count("[data-testid='piece-bar']");
    pause(60).await;
    assert_eq!(page.count("[data-testid='piece-bar']"), pieces);
    page.ask("again").await;
    assert_eq!(page.count("[data-testid='answer'][data-state='done']"), 1);
}

#[wasm_bindgen_test]
async fn server_errors_are_shown_in_its_words() {
    let page = connected_to_other().await;
    for (text, message) in [
        ("refuse it", "HTTP 400: too long"),
        ("break it", "no memory"),
    ] {
        page.ask(text).await;
        let error = page.text("answer-error");
        assert!(error.contains(message), "{error}");
        state::clear(page.app);
        pause(30).await;
    }
    page.ask("hello").await;
    assert_eq!(page.count("[data-testid='answer'][data-state='done']"), 1);
}

#[wasm_bindgen_test]
async fn unusable_server_is_explained_and_keeps_the_model() {
    install_mock_servers();
    let page = TestPage::loaded().await;
    page.click("change-model");
    for (url, key, message) in [
        ("", "", "the address is empty"),
        ("ftp://other.test", "", "ftp"),
        (
            "gone.test",
            "",
            "nothing answers there, or it blocks requests from http",
        ),
        ("cors.test", "", "answers, but it blocks requests from http"),
        ("key.test", "", "requires a valid API key"),
        ("key.test", "wrong", "requires a valid API key"),
        ("empty.test", "", "serves no models"),
        ("text.test", "", "<html>"),
    ] {
        connect(&page, url, key).await;
        page.wait(message, |s| s.text("server-error").contains(message))
            .await;
        assert!(page.app.can_send(), "the model is still there");
    }
    connect(&page, "slow.test", "").await;
    page.wait("the wait", |s| {
        s.text("server-asking").contains("slow.test")
    })
    .await;
    page.click("server-cancel");
    page.appears("server-connect").await;
    let connection = page.app.server_form.connection.get_untracked();
    assert_eq!(connection, Connection::Idle);

    connect(&page, "key.test", " secret ").await;
    page.wait("the server", |s| s.app.server().is_some()).await;
    let storage = window().local_storage().unwrap().unwrap();
    let settings = storage.get_item("llamaglass.settings").unwrap().unwrap();
    assert!(settings.contains("key.test") && !settings.contains("secret"));
}

#[wasm_bindgen_test]
async fn local_model_takes_over_from_a_server() {
    let page = connected("ours.test").await;
    page.wait("the server", |s| s.app.can_send()).await;
    page.click("bench-open");
    page.wait("the explanation", |s| {
        s.text("bench-needs").contains("server")
    })
    .await;
    assert!(page.find("bench-start").unwrap().has_attribute("disabled"));
    page.app.bench_open.set(false);
    page.load("model.gguf");
    page.wait("the model", |s| s.app.can_send() && s.app.model().is_some())
        .await;
    page.wait("the CPU", |s| s.text("status-backend") == "CPU")
        .await;
    assert!(page.find("status-server").is_none());
    page.ask("hello").await;
    assert!(page.text("answer").contains("The capital"));
}

#[wasm_bindgen_test]
async fn own_server_is_used_when_page_has_no_models() {
    install_mock_servers();
    script("window.servers.own = 'ours.test'");
    let page = TestPage::new();
    page.wait("the engine", |s| {
        s.app.engine.get_untracked() == Engine::Empty
    })
    .await;
    page.app.catalog.set(Some(Ok(Vec::new())));
    state::find_own(page.app).await;
    page.wait("the offer", |s| s.text("own-server").contains("Use tiny"))
        .await;
    // A page with models only offers the server.
    assert!(page.app.server().is_none());
    page.app.catalog.set(Some(Err("there is none".into())));
    state::find_own(page.app).await;
    page.wait("the server", |s| s.app.server().is_some()).await;
}

#[wasm_bindgen_test]
async fn own_server_form_opens_when_key_is_required() {
    install_mock_servers();
    script("window.servers.own = 'key.test'");
    let page = TestPage::new();
    page.app.catalog.set(Some(Err("there is none".into())));
    state::find_own(page.app).await;
    page.appears("server-key").await;
    let origin = window().location().origin().unwrap();
    page.set("server-key", "secret");
    page.click("server-connect");
    page.wait("the server", |s| s.app.server().is_some()).await;
    assert_eq!(page.app.server().unwrap().url, format!("{origin}/v1"));
}
