//! Tests the decorators of an engine's executor on every backend and path.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod ablations;
mod stub;
#[path = "../../../engine/tests/engine/support.rs"]
#[expect(dead_code, reason = "the engine's tests use the rest")]
mod support;
