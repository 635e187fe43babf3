//! Checks how model files are read: against the results of other implementations, and with every kind of error.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_folder;
mod bad_gguf;
mod blocks;
mod families;
mod headers;
mod random;
mod reading;
mod support;
