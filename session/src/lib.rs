//! The messages between the page and its engine program; no I/O.
//!
//! The page knows an engine only through [`protocol`], wherever it lives: in a Web Worker, in the desktop program, or
//! behind a server.

pub mod catalog;
pub mod lab;
pub mod platform;
pub mod protocol;
pub mod server;
