//! Model files against what other implementations make of them, and against everything that can be
//! wrong with them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_files;
mod blocks;
mod families;
mod headers;
mod random;
mod reading;
mod support;
