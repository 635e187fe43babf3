//! The Llamaglass page.
//!
//! Code that can be tested without a browser (statistics, Markdown, settings, formats) does not depend on one.
//! `ui` draws the page, `state` drives it, and `client` reaches the engine.

#[cfg(feature = "mock")]
extern crate self as llamaglass_app;

pub mod client;
pub mod engine;
pub mod format;
pub mod gpu_advice;
pub mod lab;
pub mod markdown;
pub mod repetition;
pub mod server;
pub mod settings;
pub mod state;
pub mod stats;
pub mod text_store;
pub mod timeline;
pub mod ui;

pub use llamaglass_session::{catalog, platform, protocol};
