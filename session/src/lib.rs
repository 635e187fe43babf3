//! Messages between the page and an engine, and the task that owns the engine.
//!
//! The page knows an engine only through [`protocol`]. Wherever the engine lives, in a Web Worker or in the desktop
//! program, [`run`] is the task that owns it; the [`Host`] trait covers what differs between the platforms.

pub mod catalog;
pub mod lab;
pub mod platform;
pub mod protocol;
pub mod server;

#[cfg(feature = "compute")]
mod actor;
#[cfg(feature = "compute")]
mod experiments;
#[cfg(feature = "compute")]
mod host;
#[cfg(feature = "compute")]
mod load;

#[cfg(feature = "compute")]
pub use actor::run;
#[cfg(feature = "compute")]
pub use host::{Fetched, Host, Incoming};
