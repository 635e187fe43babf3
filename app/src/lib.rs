//! The Llamaglass page and its engine worker.
//!
//! What can be tested without a browser (statistics, Markdown, settings, formats) knows nothing of
//! one; `ui` draws it, `state` drives it, and the engine is behind the `client`.

#[cfg(feature = "mock")]
extern crate self as llamaglass_app;

pub mod breath;
pub mod browser;
pub mod client;
pub mod format;
pub mod kept;
pub mod lab;
pub mod markdown;
pub mod repetition;
pub mod server;
pub mod settings;
pub mod state;
pub mod stats;
pub mod thrown;
pub mod timeline;
pub mod ui;
pub mod worker;

pub use llamaglass_session::{catalog, platform, protocol};
