//! Tests of the page in a real browser, over a mock engine.
use std::rc::Rc;

use leptos::prelude::*;
use llamaglass_app::client::{Client, PageFile, SwitchClient};
use llamaglass_app::protocol::ModelSource;
use llamaglass_app::state::{self, App};
use llamaglass_app::ui::Page;
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{Element, HtmlElement, KeyboardEvent, KeyboardEventInit};

use crate::mock::MockClient;

mod conversation;
mod lab;
mod program;
mod server;

wasm_bindgen_test_configure!(run_in_browser);

/// A page of its own for one test.
struct TestPage {
    app: App,
    root: HtmlElement,
    // Dropping it removes the page from the document.
    _handle: Box<dyn std::any::Any>,
}

impl TestPage {
    fn new() -> Self {
        let storage = window().local_storage().unwrap().unwrap();
        storage.clear().unwrap();
        let root: HtmlElement = document().create_element("div").unwrap().unchecked_into();
        document().body().unwrap().append_child(&root).unwrap();
        let slot = Rc::new(std::cell::Cell::new(None));
        let out = slot.clone();
        let handle = mount_to(root.clone(), move || {
            let app = App::new();
            state::attach_client(app, |listener| {
                let mock = |listener| Rc::new(MockClient::new(listener, 1)) as Rc<dyn Client>;
                Rc::new(SwitchClient::new(listener, mock)) as Rc<dyn Client>
            });
            out.set(Some(app));
            view! { <Page app/> }
        });
        Self {
            app: slot.get().unwrap(),
            root,
            _handle: Box::new(handle),
        }
    }

    fn first(&self, css: &str) -> Element {
        self.root.query_selector(css).unwrap().unwrap()
    }

    fn find(&self, id: &str) -> Option<Element> {
        let css = format!("[data-testid='{id}']");
        self.root.query_selector(&css).unwrap()
    }

    fn count(&self, css: &str) -> u32 {
        self.root.query_selector_all(css).unwrap().length()
    }

    fn text(&self, id: &str) -> String {
        let text = self.find(id).and_then(|el| el.text_content());
        text.unwrap_or_default()
    }

    async fn wait(&self, what: &str, done: impl Fn(&Self) -> bool) {
        for _ in 0..500 {
            if done(self) {
                return;
            }
            pause(10).await;
        }
        panic!("no {what}: {}", self.root.inner_html());
    }

    async fn appears(&self, id: &str) {
        self.wait(id, |s| s.find(id).is_some()).await;
    }

    async fn loaded() -> Self {
        let page = Self::new();
        page.wait("the engine", |s| s.app.backend.get_untracked().is_some())
            .await;
        page.load("model.gguf");
        page.wait("the model", |s| s.app.can_send()).await;
        page
    }

    fn load(&self, name: &str) {
        let file = web_sys::File::new_with_str_sequence(&js_sys::Array::new(), name).unwrap();
        let path = name.to_owned();
        state::load(self.app, ModelSource::Files, vec![PageFile { path, file }]);
    }

    fn click(&self, id: &str) {
        let button: HtmlElement = self.find(id).unwrap().unchecked_into();
        button.click();
    }

    fn set(&self, id: &str, value: &str) {
        let input: web_sys::HtmlInputElement = self.find(id).unwrap().unchecked_into();
        input.set_value(value);
        let event = web_sys::Event::new("input").unwrap();
        input.dispatch_event(&event).unwrap();
    }

    async fn ask(&self, text: &str) {
        state::send(self.app, text.into());
        self.wait("the answer", |s| s.app.can_send()).await;
        pause(30).await;
    }
}

impl Drop for TestPage {
    fn drop(&mut self) {
        self.root.remove();
    }
}

async fn pause(ms: i32) {
    let mut start = |resolve: js_sys::Function, _: js_sys::Function| {
        window()
            .set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms)
            .unwrap();
    };
    wasm_bindgen_futures::JsFuture::from(js_sys::Promise::new(&mut start))
        .await
        .unwrap();
}

fn number(el: &Element, name: &str) -> f64 {
    el.get_attribute(name).unwrap().parse().unwrap()
}

#[wasm_bindgen_test]
async fn token_bars_have_stages_that_add_up() {
    let page = TestPage::loaded().await;
    page.ask("hello").await;
    let answer = page.find("answer").unwrap();
    assert_eq!(answer.get_attribute("data-state").as_deref(), Some("done"));
    let ids = answer.get_attribute("data-ids").unwrap().split(',').count() as u32;
    assert_eq!(page.count("[data-testid='bar']"), ids);
    assert_eq!(page.count("[data-testid='prefill-bar']"), 1);
    let bars = page.root.query_selector_all("[data-testid='bar']").unwrap();
    for index in 0..bars.length() {
        let bar: Element = bars.get(index).unwrap().unchecked_into();
        assert_eq!(number(&bar, "data-token-index") as u32, index);
        let parts = ["preprocess", "forward", "sampling", "text", "rest"];
        let parts = parts.map(|part| number(&bar, &format!("data-{part}-ms")));
        let sum: f64 = parts.iter().sum();
        let wall = number(&bar, "data-wall-ms");
        assert!((sum - wall).abs() <= 0.02 * wall, "{sum} of {wall}");
        assert!(bar.get_attribute("aria-label").unwrap().contains("forward"));
    }
}

#[wasm_bindgen_test]
async fn html_from_the_model_stays_text() {
    let page = TestPage::loaded().await;
    page.ask("hello").await;
    assert_eq!(page.count("[data-testid='answer'] script"), 0);
    assert!(page.text("answer").contains("<script>alert(1)</script>"));
    let link = page.first("[data-testid='answer'] a");
    let href = link.get_attribute("href");
    assert_eq!(href.as_deref(), Some("https://www.paris.fr"));
    assert!(link.get_attribute("rel").unwrap().contains("noopener"));
    assert_eq!(page.count("[data-testid='answer'] pre code"), 1);
    assert_eq!(page.count("[data-testid='answer'] th"), 2);
}

#[wasm_bindgen_test]
async fn arrow_keys_move_between_bars_and_show_their_spans() {
    let page = TestPage::loaded().await;
    page.ask("hello").await;
    let first: HtmlElement = page.first(".bar").unchecked_into();
    first.focus().unwrap();
    let init = KeyboardEventInit::new();
    init.set_key("ArrowRight");
    init.set_bubbles(true);
    let event = KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &init).unwrap();
    first.dispatch_event(&event).unwrap();
    let focused = document().active_element().unwrap();
    assert_eq!(focused.get_attribute("data-step").as_deref(), Some("1"));
    page.wait("the detail", |s| s.text("detail").contains("Token 1"))
        .await;
    assert!(page.text("detail").contains("gpu"));
}

#[wasm_bindgen_test]
async fn abort_ends_the_answer_and_the_next_one_works() {
    let page = TestPage::loaded().await;
    state::send(page.app, "a long one".into());
    page.wait("tokens", |s| s.count("[data-testid='bar']") > 3)
        .await;
    page.click("stop");
    page.wait("the end", |s| s.app.can_send()).await;
    pause(30).await;
    let state = page.find("answer").unwrap().get_attribute("data-state");
    assert_eq!(state.as_deref(), Some("aborted"));
    page.ask("again").await;
    assert_eq!(page.count("[data-testid='answer'][data-state='done']"), 1);
}

#[wasm_bindgen_test]
async fn crash_is_shown_and_can_be_recovered_from() {
    let page = TestPage::loaded().await;
    state::send(page.app, "crash".into());
    page.appears("restart-engine").await;
    assert!(page.text("crashed").contains("device lost"));
    let state = page.find("answer").unwrap().get_attribute("data-state");
    assert_eq!(state.as_deref(), Some("failed"));
    page.click("restart-engine");
    page.wait("the model", |s| s.app.can_send()).await;
    page.ask("hello").await;
    assert_eq!(page.count("[data-testid='answer'][data-state='done']"), 1);
}

#[wasm_bindgen_test]
async fn bad_file_is_named_and_the_page_continues() {
    let page = TestPage::loaded().await;
    page.load("bad.gguf");
    page.appears("error").await;
    assert!(page.text("error").contains("bad.gguf"));
    page.load("good.gguf");
    page.wait("the model", |s| s.app.can_send()).await;
    assert!(page.find("error").is_none());
}

#[wasm_bindgen_test]
async fn missing_gpu_is_explained_and_the_cpu_offered() {
    let page = TestPage::new();
    page.wait("the engine", |s| s.app.backend.get_untracked().is_some())
        .await;
    assert!(page.find("fallback").is_some());
    state::choose_backend(page.app, llamaglass_types::BackendChoice::Wgpu);
    page.appears("unsupported").await;
    let reason = page.text("unsupported-reason");
    assert!(reason.contains("no graphics adapter"), "{reason}");
    page.click("use-cpu");
    page.wait("the CPU", |s| s.find("unsupported").is_none())
        .await;
    assert_eq!(page.text("status-backend"), "CPU");
}

#[wasm_bindgen_test]
async fn conversation_survives_a_reload() {
    let page = TestPage::loaded().await;
    page.ask("hello").await;
    let restored = App::new();
    let turns = restored.turns.get_untracked();
    assert_eq!(turns.len(), 2);
    assert_eq!(turns[0].text.get_untracked(), "hello");
    assert!(turns[1].text.get_untracked().starts_with("The capital"));
}

#[wasm_bindgen_test]
async fn benchmark_shows_figures_and_can_be_stopped() {
    let page = TestPage::loaded().await;
    page.click("bench-open");
    page.set("bench-prompt", "16");
    page.set("bench-generated", "6");
    page.set("bench-runs", "2");
    page.set("bench-positions", "100, 1000");
    pause(30).await;
    for _ in 0..2 {
        page.click("bench-start");
        page.appears("bench-progress").await;
        page.appears("bench-results").await;
    }
    let results = page.text("bench-results");
    for part in [
        "prefill tok/s",
        "decode tok/s",
        "TTFT",
        "forward",
        "performance.now()",
        "ms/token at position",
        "1\u{202f}000",
    ] {
        assert!(results.contains(part), "{part} in {results}");
    }
    // The second run is compared with the first.
    let compared = page.text("bench-compared");
    assert!(compared.contains("times the previous run"));
    assert_eq!(page.count("[data-testid='answer']"), 0);

    page.set("bench-positions", "");
    page.set("bench-generated", "1500");
    pause(30).await;
    page.click("bench-start");
    page.appears("bench-stop").await;
    page.click("bench-stop");
    page.wait("its end", |s| s.text("bench-failed").contains("Stopped"))
        .await;
    assert!(page.app.can_send());

    page.set("bench-runs", "many");
    pause(30).await;
    let start: HtmlElement = page.find("bench-start").unwrap().unchecked_into();
    assert!(start.has_attribute("disabled"));
    page.set("bench-runs", "2");
    page.set("bench-generated", "5000");
    pause(30).await;
    page.click("bench-start");
    page.wait("the refusal", |s| {
        s.text("bench-failed").contains("do not fit the context")
    })
    .await;
}
