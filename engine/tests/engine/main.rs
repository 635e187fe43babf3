//! Tests the engine as its callers see it, on every backend: each test body runs on the CPU and on the
//! system's wgpu adapter (lavapipe if there is no GPU).
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod aborting;
mod ahead;
mod answering;
mod attention;
mod bare;
mod batch;
mod constrained;
mod gpu;
mod kernels;
mod logprobs;
mod oracle;
mod profile;
mod requests;
mod sampling;
mod shapes;
mod support;

use llamaglass_engine::{BackendChoice, LoadOptions, probe};

/// Fails without an adapter, so that GPU tests cannot be skipped silently.
#[test]
fn wgpu_adapter_is_available() {
    let info = pollster::block_on(probe(&support::on(BackendChoice::Wgpu)))
        .expect("the GPU tests need a wgpu adapter");
    println!("adapter: {} ({}, {})", info.adapter, info.api, info.driver);
    assert!(!info.adapter.is_empty());
}

#[test]
fn unknown_adapter_error_lists_the_available_ones() {
    let options = LoadOptions {
        adapter: Some("no such adapter".into()),
        ..Default::default()
    };
    let error = pollster::block_on(probe(&options)).unwrap_err().to_string();
    assert!(error.contains("no such adapter"), "{error}");
    assert!(error.contains("there are: "), "{error}");
}
