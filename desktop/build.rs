//! Declares the commands that the page may call, and creates a stand-in for a page that is not built.

use std::path::Path;

use tauri_build::{AppManifest, Attributes};

/// Embedded until `cargo xtask desktop` has put the page in place, so that tests and lints need no page.
const STAND_IN: &str = "<!doctype html>
<title>Llamaglass</title>
<p>The page is not built in: <code>cargo xtask desktop</code> does that.</p>
";

fn main() {
    let page = Path::new("page");
    let index = page.join("index.html");
    if !index.exists() {
        std::fs::create_dir_all(page).expect("desktop/page can be made");
        std::fs::write(&index, STAND_IN).expect("desktop/page can be written to");
    }
    println!("cargo:rerun-if-changed=page");
    let commands =
        AppManifest::new().commands(&["connect", "tell", "restart", "fetch", "stop_fetch"]);
    tauri_build::try_build(Attributes::new().app_manifest(commands)).expect("Tauri's build works");
}
