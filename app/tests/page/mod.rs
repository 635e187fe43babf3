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

    fn find(&self, id: &str) -> Option<Element> {
        self.root
            .query_selector(&format!("[data-testid='{id}']"))
            .unwrap()
    }

    fn count(&self, css: &str) -> u32 {
        self.root.query_selector_all(css).unwrap().length()
    }

    fn text(&self, id: &str) -> String {
        self.find(id)
            .and_then(|el| el.text_content())
            .unwrap_or_default()
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
        let sum: f64 = parts
            .iter()
            .map(|p| number(&bar, &format!("data-{p}-ms")))
            .sum();
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
    let link = page
        .root
        .query_selector("[data-testid='answer'] a")
        .unwrap()
        .unwrap();
    assert_eq!(
        link.get_attribute("href").as_deref(),
        Some("https://www.paris.fr")
    );
    assert!(link.get_attribute("rel").unwrap().contains("noopener"));
    assert_eq!(page.count("[data-testid='answer'] pre code"), 1);
    assert_eq!(page.count("[data-testid='answer'] th"), 2);
}

#[wasm_bindgen_test]
async fn arrow_keys_move_between_bars_and_show_their_spans() {
    let page = TestPage::loaded().await;
    page.ask("hello").await;
    let first: HtmlElement = page
        .root
        .query_selector(".bar")
        .unwrap()
        .unwrap()
        .unchecked_into();
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
    page.find("stop")
        .unwrap()
        .unchecked_into::<HtmlElement>()
        .click();
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
    page.wait("the crash", |s| s.find("restart-engine").is_some())
        .await;
    assert!(page.text("crashed").contains("device lost"));
    let state = page.find("answer").unwrap().get_attribute("data-state");
    assert_eq!(state.as_deref(), Some("failed"));
    page.find("restart-engine")
        .unwrap()
        .unchecked_into::<HtmlElement>()
        .click();
    page.wait("the model", |s| s.app.can_send()).await;
    page.ask("hello").await;
    assert_eq!(page.count("[data-testid='answer'][data-state='done']"), 1);
}

#[wasm_bindgen_test]
async fn bad_file_is_named_and_the_page_continues() {
    let page = TestPage::loaded().await;
    page.load("bad.gguf");
    page.wait("the error", |s| s.find("error").is_some()).await;
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
    page.wait("the explanation", |s| s.find("unsupported").is_some())
        .await;
    assert!(
        page.text("unsupported-reason")
            .contains("no graphics adapter")
    );
    page.find("use-cpu")
        .unwrap()
        .unchecked_into::<HtmlElement>()
        .click();
    page.wait("the CPU", |s| s.find("unsupported").is_none())
        .await;
    assert_eq!(page.text("status-backend"), "CPU");
}

#[wasm_bindgen_test]
async fn conversation_survives_a_reload() {
    let page = TestPage::loaded().await;
    page.ask("hello").await;
    let restored = App::new();
    let texts: Vec<String> = restored
        .turns
        .with_untracked(|turns| turns.iter().map(|t| t.text.get_untracked()).collect());
    assert_eq!(texts.len(), 2);
    assert_eq!(texts[0], "hello");
    assert!(texts[1].starts_with("The capital"));
}

#[wasm_bindgen_test]
async fn benchmark_shows_figures_and_can_be_stopped() {
    let page = TestPage::loaded().await;
    let click = |id: &str| page.click(id);
    let set = |id: &str, value: &str| page.set(id, value);
    click("bench-open");
    set("bench-prompt", "16");
    set("bench-generated", "6");
    set("bench-runs", "2");
    set("bench-positions", "100, 1000");
    pause(30).await;
    for _ in 0..2 {
        click("bench-start");
        page.wait("the benchmark", |s| s.find("bench-progress").is_some())
            .await;
        page.wait("its results", |s| s.find("bench-results").is_some())
            .await;
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
    assert!(
        page.text("bench-compared")
            .contains("times the previous run")
    );
    assert_eq!(
        page.count("[data-testid='answer']"),
        0,
        "no answer of it in the chat"
    );

    set("bench-positions", "");
    set("bench-generated", "1500");
    pause(30).await;
    click("bench-start");
    page.wait("the benchmark", |s| s.find("bench-stop").is_some())
        .await;
    click("bench-stop");
    page.wait("its end", |s| s.text("bench-failed").contains("Stopped"))
        .await;
    assert!(page.app.can_send());

    set("bench-runs", "many");
    pause(30).await;
    let start: HtmlElement = page.find("bench-start").unwrap().unchecked_into();
    assert!(start.has_attribute("disabled"));
    set("bench-runs", "2");
    set("bench-generated", "5000");
    pause(30).await;
    click("bench-start");
    page.wait("the refusal", |s| {
        s.text("bench-failed").contains("do not fit the context")
    })
    .await;
}
