//! Tests of the page in the desktop program, whose replies are mocked here.

use leptos::prelude::*;
use llamaglass_app::platform::{MenuAction, Platform, RecentModel};
use llamaglass_app::protocol::WindowReply;
use llamaglass_types::{Backend, BackendInfo};
use wasm_bindgen_test::wasm_bindgen_test;

use super::Stage;

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
    }
}

async fn in_program() -> Stage {
    let stage = Stage::new();
    let recent = |path: &str| RecentModel {
        path: path.into(),
        name: format!("The model in {path}"),
    };
    stage.app.hear(WindowReply::Platform {
        platform: Platform {
            adapters: vec![adapter("First"), adapter("Second")],
            recent: vec![recent("/models/a.gguf"), recent("/models/b")],
        },
    });
    stage
        .wait("the engine", |s| s.find("recent-model").is_some())
        .await;
    stage
}

#[wasm_bindgen_test]
async fn recent_models_are_listed_and_cleared() {
    let stage = in_program().await;
    assert_eq!(stage.count("[data-testid='recent-model']"), 2);
    assert_eq!(stage.count("input[type='file']"), 0);
    stage.click("recent-clear");
    stage
        .wait("none", |s| s.count("[data-testid='recent-model']") == 0)
        .await;
}

#[wasm_bindgen_test]
async fn path_from_the_program_dialog_is_loaded() {
    let stage = in_program().await;
    stage
        .wait("a usable button", |s| {
            s.find("choose-file")
                .is_some_and(|b| !b.has_attribute("disabled"))
        })
        .await;
    stage.click("choose-file");
    stage
        .wait("the model", |s| s.text("status-model").contains("Mock"))
        .await;
}

#[wasm_bindgen_test]
async fn menu_opens_the_named_dialog() {
    let stage = in_program().await;
    let open = |action| stage.app.hear(WindowReply::Menu { action });
    open(MenuAction::Benchmark);
    open(MenuAction::Settings);
    stage
        .wait("the settings", |s| s.count("dialog[open]") == 1)
        .await;
    assert!(stage.app.settings_open.get_untracked());
    let options = stage.count("[data-testid='settings-adapter'] option");
    assert_eq!(options, 3);
    let overlay = stage.app.settings.with_untracked(|s| s.overlay);
    open(MenuAction::Overlay);
    assert_ne!(stage.app.settings.with_untracked(|s| s.overlay), overlay);
}

#[wasm_bindgen_test]
async fn drag_over_the_window_is_shown() {
    let stage = in_program().await;
    stage.app.hear(WindowReply::Hovering { over: true });
    stage
        .wait("the hint", |s| s.count(".page.dragging") == 1)
        .await;
    stage.app.hear(WindowReply::Hovering { over: false });
    stage.wait("none", |s| s.count(".page.dragging") == 0).await;
}
