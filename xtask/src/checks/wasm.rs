//! Lints and tests the code that runs in the browser.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::command;
use crate::e2e::chromium;
use crate::page::{QUICK_PROFILE, with_tools};
use crate::serve;
use crate::setup::wasm::TARGET;
use crate::setup::{browser, model};
use crate::test::{Context, Verdict};

/// Crates that are built for the browser, each with its folder and package name.
const CRATES: &[(&str, &str)] = &[
    ("types", "llamaglass-types"),
    ("engine", "llamaglass-engine"),
    ("lab", "llamaglass-lab"),
    ("openai", "llamaglass-openai"),
    ("runner", "llamaglass-runner"),
    ("session", "llamaglass-session"),
    ("report", "llamaglass-report"),
    ("web", "llamaglass-web"),
    ("app", "llamaglass-app"),
];

/// Name prefix of the test targets that run in the browser: `tests/browser*.rs`.
const TEST_PREFIX: &str = "browser";

/// Preferred port for serving the default model to the tests.
const MODEL_PORT: u16 = 47_135;

/// Runs clippy for wasm32 with the ban list in `clippy_wasm/`, which lists what blocks or panics there.
///
/// `cargo clippy` would build every dependency again as metadata, which takes minutes on two cores. So this
/// runs the tests' own build with clippy's driver as the compiler of our crates, and shares its dependencies.
pub fn clippy(context: &Context<'_>) -> Result<Verdict> {
    let mut build = context.toolchain()?.command("cargo");
    build
        .args(["build", "--target", TARGET, "--profile", QUICK_PROFILE])
        .args(["--locked", "--lib", "--bins"])
        .args(packages());
    build
        .env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver")
        // The form in which `cargo clippy` passes arguments to its driver.
        .env("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__")
        .env("CLIPPY_CONF_DIR", context.project.root.join("clippy_wasm"));
    command::run(build.current_dir(&context.project.root))?;
    Ok(Verdict::Passed)
}

/// Runs the `wasm-bindgen-test` tests of [`CRATES`] in headless Chromium.
pub fn tests(context: &Context<'_>) -> Result<Verdict> {
    let files = test_files(context)?;
    ensure!(
        !files.is_empty(),
        "there is no tests/{TEST_PREFIX}*.rs in the engine or the page"
    );
    let model = serve_model(context)?;
    let capabilities = chromium::write_capabilities(context.project)?;
    let mut test = context.toolchain()?.command("cargo");
    test.args([
        "test",
        "--target",
        TARGET,
        "--profile",
        QUICK_PROFILE,
        "--locked",
        "--no-fail-fast",
    ]);
    test.args(packages())
        .args(["--test", &format!("{TEST_PREFIX}*")]);
    test.env("CHROMEDRIVER", browser::chromedriver()?)
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities)
        // Limits in seconds for a whole test file on a software adapter, and for Chromium's first start.
        .env("WASM_BINDGEN_TEST_TIMEOUT", "900")
        .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60");
    test.env("LLAMAGLASS_TEST_MODEL_URL", model);
    with_tools(context.project, &mut test);
    command::run(test.current_dir(&context.project.root))?;
    Ok(Verdict::Passed)
}

/// Serves the default model to the tests' pages and returns its URL.
fn serve_model(context: &Context<'_>) -> Result<String> {
    let file = context
        .model()?
        .file_name()
        .context("the default model has no name")?;
    let project = context.project;
    let router = serve::router(&project.dist(), &project.models(), model::entries());
    let router = serve::for_other_origins(router);
    // The URL is compiled into the tests, so another port makes cargo build them again.
    let url = serve::serve_in_background(MODEL_PORT, router.clone())
        .or_else(|_| serve::serve_in_background(0, router))?;
    Ok(format!("{url}models/{}", file.to_string_lossy()))
}

fn packages() -> impl Iterator<Item = &'static str> {
    CRATES
        .iter()
        .flat_map(|(_, package)| ["--package", package])
}

fn test_files(context: &Context<'_>) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for (folder, _) in CRATES {
        let tests = context.project.root.join(folder).join("tests");
        if !tests.exists() {
            continue;
        }
        for entry in tests
            .read_dir()
            .with_context(|| format!("could not list {}", tests.display()))?
        {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if name.starts_with(TEST_PREFIX) && name.ends_with(".rs") {
                files.push(path);
            }
        }
    }
    Ok(files)
}
