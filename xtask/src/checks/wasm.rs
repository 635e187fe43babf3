//! Lints and tests the code that runs in the browser.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use tower_http::services::ServeDir;

use crate::command::{self, Cancellation};
use crate::context::{Context, Verdict};
use crate::e2e::chromium;
use crate::metadata::{Package, browser_packages};
use crate::page::{QUICK_PROFILE, cpu, with_tools};
use crate::serve;
use crate::setup::wasm::TARGET;
use crate::setup::{browser, model};

/// Name prefix of the test targets that run in the browser: `tests/browser*.rs`.
const TEST_PREFIX: &str = "browser";

/// Preferred port for serving files to the tests.
const MODEL_PORT: u16 = 47_135;

/// Runs clippy for wasm32 with the ban list in `clippy_wasm/`, which lists what blocks or panics there.
///
/// `cargo clippy` would build every dependency again as metadata, which takes minutes on two cores. So this
/// runs the tests' own build with clippy's driver as the compiler of our crates, and shares its dependencies.
pub fn clippy(context: &Context<'_>) -> Result<Verdict> {
    let packages = browser_packages(&context.project.root)?;
    let mut build = context.toolchain()?.command("cargo");
    build
        .args(["build", "--target", TARGET, "--profile", QUICK_PROFILE])
        .args(["--locked", "--lib", "--bins"])
        .args(package_arguments(&packages));
    build
        .env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver")
        // The form in which `cargo clippy` passes arguments to its driver.
        .env("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__")
        .env("CLIPPY_CONF_DIR", context.project.root.join("clippy_wasm"));
    command::run(build.current_dir(&context.project.root))?;
    Ok(Verdict::Passed)
}

/// Runs the `wasm-bindgen-test` tests in headless Chromium.
pub fn tests(context: &Context<'_>) -> Result<Verdict> {
    let mut packages = browser_packages(&context.project.root)?;
    ensure!(
        packages.iter().any(has_browser_tests),
        "no crate that is built for the browser has a test tests/{TEST_PREFIX}*.rs"
    );
    // With the roots, the dependencies get the same features as in `clippy`, and are not built again.
    packages.retain(|package| package.is_browser_root() || has_browser_tests(package));
    let modules = cpu::build(
        context.project,
        context.toolchain()?,
        &Cancellation::default(),
    )?;
    let served = serve_files(context, &modules)?;
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
    test.args(package_arguments(&packages))
        .args(["--test", &format!("{TEST_PREFIX}*")]);
    test.env("CHROMEDRIVER", browser::chromedriver()?)
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities)
        // Limits in seconds for a whole test file on a software adapter, and for Chromium's first start.
        .env("WASM_BINDGEN_TEST_TIMEOUT", "900")
        .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60");
    test.env("LLAMAGLASS_TEST_MODEL_URL", served.model)
        .env("LLAMAGLASS_TEST_CPU_URL", served.cpu);
    with_tools(context.project, &mut test);
    command::run(test.current_dir(&context.project.root))?;
    Ok(Verdict::Passed)
}

/// URLs of what the tests load.
struct Served {
    /// The default model.
    model: String,
    /// Folder of the CPU path's modules.
    cpu: String,
}

/// Serves the default model and the CPU path's `modules` to the tests' pages.
fn serve_files(context: &Context<'_>, modules: &Path) -> Result<Served> {
    let file = context
        .model()?
        .file_name()
        .context("the default model has no name")?;
    let project = context.project;
    let router = serve::router(&project.dist(), &project.models(), model::entries());
    let router = serve::for_other_origins(router.nest_service("/cpu", ServeDir::new(modules)));
    // The URLs are compiled into the tests, so another port makes cargo build them again.
    let url = serve::serve_in_background(MODEL_PORT, router.clone())
        .or_else(|_| serve::serve_in_background(0, router))?;
    Ok(Served {
        model: format!("{url}models/{}", file.to_string_lossy()),
        cpu: format!("{url}cpu/"),
    })
}

fn package_arguments(packages: &[Package]) -> impl Iterator<Item = &str> {
    packages
        .iter()
        .flat_map(|package| ["--package", package.name.as_str()])
}

fn has_browser_tests(package: &Package) -> bool {
    let files = package.folder().join("tests").read_dir();
    files.into_iter().flatten().flatten().any(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with(TEST_PREFIX) && name.ends_with(".rs")
    })
}
