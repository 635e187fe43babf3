//! Tests of the lab over a mock engine.

use leptos::prelude::*;
use llamaglass_app::kept::Texts;
use llamaglass_app::lab::Source;
use llamaglass_app::state::{self, Outcome};
use llamaglass_lab::{Data, Experiment};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

use super::Stage;

async fn in_lab() -> Stage {
    let stage = Stage::loaded().await;
    stage.click("lab-open");
    stage.wait("the lab", |s| s.find("lab").is_some()).await;
    stage
}

#[wasm_bindgen_test]
async fn experiments_have_cards_in_the_lab_order() {
    let stage = in_lab().await;
    let cards = stage.root.query_selector_all("article.lab-card").unwrap();
    let names: Vec<String> = (0..cards.length())
        .map(|index| cards.item(index).unwrap().text_content().unwrap())
        .collect();
    assert_eq!(names.len(), Experiment::ALL.len());
    for (name, experiment) in names.iter().zip(Experiment::ALL) {
        assert!(name.starts_with(experiment.title()), "{name}");
    }
    // The mock model runs on the CPU.
    assert!(stage.text("lab-unfit-kernels").contains("GPU"));
    assert!(stage.find("composer").is_none(), "the conversation is away");
}

#[wasm_bindgen_test]
async fn run_shows_its_lead_report_and_files() {
    let stage = in_lab().await;
    stage.set("lab-stats-rows", "5");
    stage.click("lab-run-stats");
    assert!(!stage.app.can_send(), "nothing else may run");
    stage
        .wait("the plot", |s| s.find("lab-plot").is_some())
        .await;
    stage
        .wait("the end", |s| s.find("lab-lead-stats").is_some())
        .await;
    let lead = stage.text("lab-lead-stats");
    assert!(lead.contains("7 tokens in the middle"), "{lead}");
    assert!(stage.find("lab-report-stats").is_some());
    assert!(stage.find("lab-json-stats").is_some());
    assert!(stage.app.can_send());
}

#[wasm_bindgen_test]
async fn cancelled_run_says_so_and_frees_the_engine() {
    let stage = in_lab().await;
    stage.set("lab-stats-rows", "90000");
    stage.click("lab-run-stats");
    stage
        .wait("its begin", |s| s.find("lab-cancel").is_some())
        .await;
    stage.click("lab-cancel");
    stage
        .wait("the end", |s| s.find("lab-stopped-stats").is_some())
        .await;
    stage.ask("hello").await;
}

#[wasm_bindgen_test]
async fn run_fails_with_a_message_when_engine_restarts() {
    let stage = in_lab().await;
    stage.set("lab-stats-rows", "90000");
    stage.click("lab-run-stats");
    stage
        .wait("its begin", |s| s.find("lab-cancel").is_some())
        .await;
    state::reload(stage.app);
    let failed = |s: &Stage| s.text("lab-failed-stats");
    stage
        .wait("the end", |s| failed(s).contains("started again"))
        .await;
}

#[wasm_bindgen_test]
async fn ladder_measures_every_layer_of_the_page() {
    let stage = in_lab().await;
    stage.set("lab-ladder-lengths", "2");
    stage.set("lab-ladder-repeats", "3");
    stage.click("lab-run-ladder");
    stage
        .wait("the end", |s| s.find("lab-lead-ladder").is_some())
        .await;
    let outcomes = stage.app.lab.outcomes.get_untracked();
    let Some(Outcome::Done(found)) = outcomes.get(&Experiment::Ladder) else {
        panic!("no result: {outcomes:?}");
    };
    let Data::Ladder(data) = &found.result.data else {
        panic!("no ladder");
    };
    let names: Vec<&str> = data.layers.iter().map(|of| &*of.layer.name).collect();
    let wanted = ["bare", "worker", "text", "scheduler", "paint", "overlay"];
    assert_eq!(names, wanted);
    // The bare loop is on the mock worker's clock, at 1 ms per token.
    assert_eq!(data.layers[0].ms_per_token.median, 1.0);
    // Each step of the mock engine comes at least 1 ms after the one before.
    assert!(data.layers[3].ms_per_token.median >= 1.0);
    let records = found.records.iter().filter(|of| !of.ids.is_empty());
    // One warm-up and three repeats of one length.
    assert_eq!(records.count(), 4);
    assert!(stage.find("overlay").is_none(), "it is as it was");
}

#[wasm_bindgen_test]
async fn page_samples_the_same_tokens_as_the_bare_loop() {
    let stage = in_lab().await;
    stage.set("lab-parity-rows", "2");
    stage.set("lab-parity-tokens", "4");
    stage.click("lab-run-parity");
    stage
        .wait("the end", |s| s.find("lab-lead-parity").is_some())
        .await;
    let lead = stage.text("lab-lead-parity");
    assert!(
        lead.starts_with("Of the rows, 2 have the same ids"),
        "{lead}"
    );
}

#[wasm_bindgen_test]
async fn stub_experiment_runs_every_level_and_restores_the_last() {
    let stage = in_lab().await;
    stage.set("lab-stub-qps", "100");
    stage.set("lab-stub-duration", "0.02");
    stage.set("lab-stub-repeats", "1");
    stage.set("lab-stub-tokens", "2");
    stage.click("lab-run-stub");
    stage
        .wait("the end", |s| s.find("lab-result-stub").is_some())
        .await;
    let outcomes = stage.app.lab.outcomes.get_untracked();
    let Some(Outcome::Done(found)) = outcomes.get(&Experiment::Stub) else {
        panic!("no result: {outcomes:?}");
    };
    let Data::Stub(data) = &found.result.data else {
        panic!("no stub");
    };
    // Seven levels, streamed and whole.
    assert_eq!(data.cells.len(), 14);
    assert!(data.cells.iter().all(|cell| cell.completed == [2]));
    stage.ask("hello").await;
}

#[wasm_bindgen_test]
async fn invalid_settings_can_not_be_run() {
    let stage = in_lab().await;
    let disabled = |s: &Stage| s.find("lab-run-load").unwrap().has_attribute("disabled");
    assert!(!disabled(&stage));
    stage.set("lab-load-qps", "often");
    stage.wait("a refusal", disabled).await;
    stage.set("lab-load-qps", "2, 4");
    stage.wait("a way out", |s| !disabled(s)).await;
    let text = "{";
    state::choose_dataset(
        stage.app,
        Source::File {
            name: "d.json".into(),
            text: text.into(),
        },
    );
    let error = stage.app.lab.source_error.get_untracked();
    assert!(error.is_some_and(|error| error.contains("d.json")));
    assert_eq!(stage.app.lab.source.get_untracked(), Source::BuiltIn);
}

#[wasm_bindgen_test]
async fn saved_run_is_compared_with_a_later_one() {
    let stage = in_lab().await;
    for rows in ["3", "4"] {
        stage.set("lab-stats-rows", rows);
        stage.click("lab-run-stats");
        stage.wait("the end", |s| s.app.can_send()).await;
    }
    let compare = "[data-testid=lab-compare-stats]:not([disabled])";
    stage.wait("an older run", |s| s.count(compare) > 0).await;
    let button = stage.root.query_selector(compare).unwrap().unwrap();
    let button: web_sys::HtmlElement = wasm_bindgen::JsCast::unchecked_into(button);
    button.click();
    stage
        .wait("the comparison", |s| s.find("lab-compared").is_some())
        .await;
    let compared = stage.text("lab-compared");
    assert!(compared.contains("3 before, 4 now"), "{compared}");
    assert!(compared.contains("1.33"), "{compared}");
}

/// Makes the browser abort the next transaction after its request has succeeded, as on a full disk.
const TAKE_BACK: &str = "
    const put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = function (...words) {
        IDBObjectStore.prototype.put = put;
        const asked = put.apply(this, words);
        asked.addEventListener('success', () => this.transaction.abort());
        return asked;
    };";

#[wasm_bindgen_test]
async fn text_is_saved_only_after_commit() {
    let texts = Texts::open().await.unwrap();
    js_sys::Function::new_no_args(TAKE_BACK)
        .call0(&JsValue::NULL)
        .unwrap();
    let taken_back = texts.put("committed-test", "first").await;
    assert_eq!(
        taken_back,
        Err("the browser took the change back".to_owned())
    );
    let has = async |texts: &Texts| {
        let all = texts.all().await.unwrap();
        all.iter().any(|(key, _)| key == "committed-test")
    };
    assert!(!has(&texts).await);
    texts.put("committed-test", "second").await.unwrap();
    assert!(has(&texts).await);
    texts.delete("committed-test").await.unwrap();
    assert!(!has(&texts).await);
}
