//! Tests of the lab over a mock engine.

use std::sync::Arc;

use leptos::prelude::*;
use llamaglass_app::lab::{CompletedRun, Source};
use llamaglass_app::state::{self, RunOutcome};
use llamaglass_app::text_store::TextStore;
use llamaglass_lab::{Data, Experiment};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

use super::TestPage;

async fn in_lab() -> TestPage {
    let page = TestPage::loaded().await;
    page.click("lab-open");
    page.appears("lab").await;
    page
}

/// Returns a page whose lab runs an experiment that takes long.
async fn running_long() -> TestPage {
    let page = in_lab().await;
    page.set("lab-stats-rows", "90000");
    page.click("lab-run-stats");
    page.appears("lab-cancel").await;
    page
}

/// Returns the completed run of an experiment.
fn completed(page: &TestPage, experiment: Experiment) -> Arc<CompletedRun> {
    let outcomes = page.app.lab.outcomes.get_untracked();
    let Some(RunOutcome::Done(run)) = outcomes.get(&experiment) else {
        panic!("no result: {outcomes:?}");
    };
    Arc::clone(run)
}

#[wasm_bindgen_test]
async fn experiments_have_cards_in_the_lab_order() {
    let page = in_lab().await;
    let cards = page.root.query_selector_all("article.lab-card").unwrap();
    assert_eq!(cards.length() as usize, Experiment::ALL.len());
    for (index, experiment) in (0..).zip(Experiment::ALL) {
        let text = cards.item(index).unwrap().text_content().unwrap();
        assert!(text.starts_with(experiment.title()), "{text}");
    }
    // The mock model runs on the reference path.
    assert!(page.text("lab-unfit-kernels").contains("burn"));
    assert!(page.find("composer").is_none());
}

#[wasm_bindgen_test]
async fn run_shows_its_lead_report_and_files() {
    let page = in_lab().await;
    page.set("lab-stats-rows", "5");
    page.click("lab-run-stats");
    assert!(!page.app.can_send(), "an experiment is running");
    page.appears("lab-plot").await;
    page.appears("lab-lead-stats").await;
    let lead = page.text("lab-lead-stats");
    assert!(lead.contains("a median of 7 tokens"), "{lead}");
    assert!(page.find("lab-report-stats").is_some());
    assert!(page.find("lab-json-stats").is_some());
    assert!(page.app.can_send());
}

#[wasm_bindgen_test]
async fn cancelled_run_says_so_and_frees_the_engine() {
    let page = running_long().await;
    page.click("lab-cancel");
    page.appears("lab-stopped-stats").await;
    page.ask("hello").await;
}

#[wasm_bindgen_test]
async fn run_fails_with_a_message_when_engine_restarts() {
    let page = running_long().await;
    state::reload(page.app);
    let failed = |s: &TestPage| s.text("lab-failed-stats");
    page.wait("the end", |s| failed(s).contains("started again"))
        .await;
}

#[wasm_bindgen_test]
async fn ladder_measures_every_layer_of_the_page() {
    let page = in_lab().await;
    page.set("lab-ladder-lengths", "2");
    page.set("lab-ladder-repeats", "3");
    page.click("lab-run-ladder");
    page.appears("lab-lead-ladder").await;
    let run = completed(&page, Experiment::Ladder);
    let Data::Ladder(data) = &run.result.data else {
        panic!("no ladder");
    };
    let names: Vec<&str> = data.layers.iter().map(|of| &*of.layer.name).collect();
    let wanted = ["bare", "worker", "text", "scheduler", "paint", "overlay"];
    assert_eq!(names, wanted);
    // The bare loop is on the mock worker's clock, at 1 ms per token.
    assert_eq!(data.layers[0].ms_per_token.median, 1.0);
    // Each step of the mock engine comes at least 1 ms after the one before.
    assert!(data.layers[3].ms_per_token.median >= 1.0);
    let records = run.records.iter().filter(|of| !of.ids.is_empty());
    // One warm-up and three repeats of one length.
    assert_eq!(records.count(), 4);
    assert!(page.find("overlay").is_none(), "it is still open");
}

#[wasm_bindgen_test]
async fn page_samples_the_same_tokens_as_the_bare_loop() {
    let page = in_lab().await;
    page.set("lab-parity-rows", "2");
    page.set("lab-parity-tokens", "4");
    page.click("lab-run-parity");
    page.appears("lab-lead-parity").await;
    let lead = page.text("lab-lead-parity");
    let same = "the tokens are the same in 2 of 2 rows";
    assert!(lead.contains(same), "{lead}");
}

#[wasm_bindgen_test]
async fn stub_experiment_runs_every_level_and_restores_the_last() {
    let page = in_lab().await;
    page.set("lab-stub-qps", "100");
    page.set("lab-stub-duration", "0.02");
    page.set("lab-stub-repeats", "1");
    page.set("lab-stub-tokens", "2");
    page.click("lab-run-stub");
    page.appears("lab-result-stub").await;
    let run = completed(&page, Experiment::Stub);
    let Data::Stub(data) = &run.result.data else {
        panic!("no stub");
    };
    // Seven levels, streamed and whole.
    assert_eq!(data.cells.len(), 14);
    assert!(data.cells.iter().all(|cell| cell.completed == [2]));
    page.ask("hello").await;
}

#[wasm_bindgen_test]
async fn invalid_settings_can_not_be_run() {
    let page = in_lab().await;
    let disabled = |s: &TestPage| s.find("lab-run-load").unwrap().has_attribute("disabled");
    assert!(!disabled(&page));
    page.set("lab-load-qps", "often");
    page.wait("a refusal", disabled).await;
    page.set("lab-load-qps", "2, 4");
    page.wait("the correction", |s| !disabled(s)).await;
    let [name, text] = ["d.json", "{"].map(String::from);
    state::choose_dataset(page.app, Source::File { name, text });
    let error = page.app.lab.source_error.get_untracked();
    assert!(error.is_some_and(|error| error.contains("d.json")));
    assert_eq!(page.app.lab.source.get_untracked(), Source::BuiltIn);
}

#[wasm_bindgen_test]
async fn saved_run_is_compared_with_a_later_one() {
    let page = in_lab().await;
    for rows in ["3", "4"] {
        page.set("lab-stats-rows", rows);
        page.click("lab-run-stats");
        page.wait("the end", |s| s.app.can_send()).await;
    }
    let compare = "[data-testid=lab-compare-stats]:not([disabled])";
    page.wait("an older run", |s| s.count(compare) > 0).await;
    let button: web_sys::HtmlElement = wasm_bindgen::JsCast::unchecked_into(page.first(compare));
    button.click();
    page.appears("lab-compared").await;
    let compared = page.text("lab-compared");
    assert!(compared.contains("3 before, 4 now"), "{compared}");
    assert!(compared.contains("1.33"), "{compared}");
}

/// Makes the browser abort the next transaction after its request has succeeded, as on a full disk.
const ABORT_NEXT: &str = "
    const put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = function (...args) {
        IDBObjectStore.prototype.put = put;
        const request = put.apply(this, args);
        request.addEventListener('success', () => this.transaction.abort());
        return request;
    };";

#[wasm_bindgen_test]
async fn text_is_saved_only_after_commit() {
    let texts = TextStore::open().await.unwrap();
    js_sys::Function::new_no_args(ABORT_NEXT)
        .call0(&JsValue::NULL)
        .unwrap();
    let aborted = texts.put("committed-test", "first").await;
    assert_eq!(aborted, Err("the browser aborted the change".to_owned()));
    let has = async |texts: &TextStore| {
        let all = texts.all().await.unwrap();
        all.iter().any(|(key, _)| key == "committed-test")
    };
    assert!(!has(&texts).await);
    texts.put("committed-test", "second").await.unwrap();
    assert!(has(&texts).await);
    texts.delete("committed-test").await.unwrap();
    assert!(!has(&texts).await);
}
