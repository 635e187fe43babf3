//! Stands in for the crate `instant` in the page.
//!
//! Only llguidance uses it, only on wasm, and without the feature that would make it more than an import
//! that no page has. The crate itself is not maintained any more; web-time, which took its place, is in the
//! page anyway.

pub use web_time::Instant;
