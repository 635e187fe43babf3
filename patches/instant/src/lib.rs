//! Replaces the crate `instant` in the page.
//!
//! Only llguidance depends on `instant`, and only on wasm. It does not enable the feature that connects the
//! crate to the browser's clock, so `instant` would import a function that no page provides. `instant` is no
//! longer maintained; its successor, web-time, is part of the page anyway.

pub use web_time::Instant;
