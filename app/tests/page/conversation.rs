//! Tests that the conversation outlives the components that draw it.

use llamaglass_app::state;

use super::*;

async fn answered(page: &TestPage, answers: u32) {
    page.wait("the answer", |s| {
        s.count("[data-testid='answer'][data-state='done']") == answers && s.app.can_send()
    })
    .await;
}

#[wasm_bindgen_test]
async fn suggestion_is_answered_after_it_has_vanished() {
    let page = TestPage::loaded().await;
    page.wait("the suggestions", |s| s.count(".suggestion") == 3)
        .await;
    page.click("suggestion");
    answered(&page, 1).await;
    assert_eq!(page.count(".suggestion"), 0);
    assert!(page.text("answer").contains("Paris"));
}

#[wasm_bindgen_test]
async fn regenerate_replaces_the_answer_repeatedly() {
    let page = TestPage::loaded().await;
    page.ask("hello").await;
    for _ in 0..3 {
        page.click("regenerate");
        assert!(page.app.running.get_untracked().is_some());
        answered(&page, 1).await;
        pause(30).await;
    }
    assert!(page.text("answer").contains("Paris"));
}

#[wasm_bindgen_test]
async fn conversation_and_draft_return_after_the_lab() {
    let page = TestPage::loaded().await;
    page.ask("hello").await;
    page.click("regenerate");
    answered(&page, 1).await;
    page.set("composer", "half a thought");
    for way_back in ["lab-open", "lab-close"] {
        page.click("lab-open");
        page.appears("lab").await;
        assert!(page.find("answer").is_none());
        page.click(way_back);
        page.appears("answer").await;
        pause(30).await;
    }
    assert!(page.text("answer").contains("Paris"));
    let composer: web_sys::HtmlTextAreaElement = page.find("composer").unwrap().unchecked_into();
    assert_eq!(composer.value(), "half a thought");
}

#[wasm_bindgen_test]
async fn answer_streamed_behind_the_lab_is_complete() {
    let page = TestPage::loaded().await;
    state::send(page.app, "hello".into());
    page.click("lab-open");
    page.wait("the answer\u{2019}s end", |s| s.app.can_send())
        .await;
    page.click("lab-open");
    answered(&page, 1).await;
    assert!(page.text("answer").contains("Paris"));
}

#[wasm_bindgen_test]
async fn endless_repetition_is_stopped_unless_disabled() {
    let page = TestPage::loaded().await;
    state::send(page.app, "Talk endlessly.".into());
    page.wait("the guard", |s| s.app.can_send()).await;
    pause(30).await;
    assert!(page.text("answer").contains("kept repeating itself"));
    assert!(page.text("answer").matches("over").count() < 150);

    page.click("settings-stop-repetition");
    page.click("regenerate");
    answered(&page, 1).await;
    assert_eq!(page.text("answer").matches("over").count(), 200);
}
