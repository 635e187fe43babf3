//! Tests that the conversation outlives the components that draw it.

use llamaglass_app::state;

use super::*;

async fn answered(stage: &Stage, answers: u32) {
    stage
        .wait("the answer", |s| {
            s.count("[data-testid='answer'][data-state='done']") == answers && s.app.can_send()
        })
        .await;
}

#[wasm_bindgen_test]
async fn suggestion_is_answered_after_it_has_vanished() {
    let stage = Stage::loaded().await;
    stage
        .wait("the suggestions", |s| s.count(".suggestion") == 3)
        .await;
    stage.click("suggestion");
    answered(&stage, 1).await;
    assert_eq!(stage.count(".suggestion"), 0);
    assert!(stage.text("answer").contains("Paris"));
}

#[wasm_bindgen_test]
async fn regenerate_replaces_the_answer_repeatedly() {
    let stage = Stage::loaded().await;
    stage.ask("hello").await;
    for _ in 0..3 {
        stage.click("regenerate");
        assert!(stage.app.running.get_untracked().is_some());
        answered(&stage, 1).await;
        pause(30).await;
    }
    assert!(stage.text("answer").contains("Paris"));
}

#[wasm_bindgen_test]
async fn conversation_and_draft_return_after_the_lab() {
    let stage = Stage::loaded().await;
    stage.ask("hello").await;
    stage.click("regenerate");
    answered(&stage, 1).await;
    stage.set("composer", "half a thought");
    for way_back in ["lab-open", "lab-close"] {
        stage.click("lab-open");
        stage.wait("the lab", |s| s.find("lab").is_some()).await;
        assert!(stage.find("answer").is_none());
        stage.click(way_back);
        stage
            .wait("the conversation", |s| s.find("answer").is_some())
            .await;
        pause(30).await;
    }
    assert!(stage.text("answer").contains("Paris"));
    let composer: web_sys::HtmlTextAreaElement = stage.find("composer").unwrap().unchecked_into();
    assert_eq!(composer.value(), "half a thought");
}

#[wasm_bindgen_test]
async fn answer_streamed_behind_the_lab_is_complete() {
    let stage = Stage::loaded().await;
    state::send(stage.app, "hello".into());
    stage.click("lab-open");
    stage
        .wait("the answer\u{2019}s end", |s| s.app.can_send())
        .await;
    stage.click("lab-open");
    answered(&stage, 1).await;
    assert!(stage.text("answer").contains("Paris"));
}

#[wasm_bindgen_test]
async fn endless_repetition_is_stopped_unless_disabled() {
    let stage = Stage::loaded().await;
    state::send(stage.app, "Talk endlessly.".into());
    stage.wait("the guard", |s| s.app.can_send()).await;
    pause(30).await;
    assert!(stage.text("answer").contains("kept repeating itself"));
    assert!(stage.text("answer").matches("over").count() < 150);

    stage.click("settings-stop-repetition");
    stage.click("regenerate");
    answered(&stage, 1).await;
    assert_eq!(stage.text("answer").matches("over").count(), 200);
}
