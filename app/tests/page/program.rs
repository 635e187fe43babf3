//! Tests of the page in the desktop program, whose replies are mocked here.

use leptos::prelude::*;
use llamaglass_app::platform::{MenuAction, Platform, RecentModel};
use llamaglass_app::protocol::WindowReply;
use llamaglass_app::state;
use llamaglass_types::{Backend, BackendInfo};
use wasm_bindgen_test::wasm_bindgen_test;

use super::TestPage;

fn adapter(name: &str) -> BackendInfo {
    BackendInfo {
        backend: Backend::Wgpu,
        api: "Vulkan".into(),
        adapter: name.into(),
        driver: String::new(),
        software: false,
        features: Vec::new(),
        limits: Vec::new(),
        fallback_reason: None,
        threads: None,
        instruction_set: None,
    }
}

async fn in_program() -> TestPage {
    let page = TestPage::new();
    let recent = |path: &str| RecentModel {
        path: path.into(),
        name: format!("The model in {path}"),
    };
    let platform = Platform {
        adapters: vec![adapter("First"), adapter("Second")],
        recent: vec![recent("/models/a.gguf"), recent("/models/b")],
    };
    state::handle_reply(page.app, WindowReply::Platform { platform });
    page.appears("recent-model").await;
    page
}

#[wasm_bindgen_test]
async fn recent_models_are_listed_and_cleared() {
    let page = in_program().await;
    assert_eq!(page.count("[data-testid='recent-model']"), 2);
    assert_eq!(page.count("input[type='file']"), 0);
    page.click("recent-clear");
    page.wait("none", |s| s.count("[data-testid='recent-model']") == 0)
        .await;
}

#[wasm_bindgen_test]
async fn path_from_the_program_dialog_is_loaded() {
    let page = in_program().await;
    let usable = "[data-testid='choose-file']:not([disabled])";
    page.wait("a usable button", |s| s.count(usable) == 1).await;
    page.click("choose-file");
    page.wait("the model", |s| s.text("status-model").contains("Mock"))
        .await;
}

#[wasm_bindgen_test]
async fn menu_opens_the_named_dialog() {
    let page = in_program().await;
    let open = |action| state::handle_reply(page.app, WindowReply::Menu { action });
    open(MenuAction::Benchmark);
    open(MenuAction::Settings);
    page.wait("the settings", |s| s.count("dialog[open]") == 1)
        .await;
    assert!(page.app.settings_open.get_untracked());
    assert_eq!(page.count("[data-testid='settings-adapter'] option"), 3);
    let overlay = page.app.settings.with_untracked(|s| s.overlay);
    open(MenuAction::Overlay);
    assert_ne!(page.app.settings.with_untracked(|s| s.overlay), overlay);
}

#[wasm_bindgen_test]
async fn drag_over_the_window_is_shown() {
    let page = in_program().await;
    state::handle_reply(page.app, WindowReply::Hovering { over: true });
    page.wait("the hint", |s| s.count(".page.dragging") == 1)
        .await;
    state::handle_reply(page.app, WindowReply::Hovering { over: false });
    page.wait("none", |s| s.count(".page.dragging") == 0).await;
}
