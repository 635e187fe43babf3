//! Scenarios for the program's window, one per file.

use super::{Person, Site, Window, outcome};

mod again;
mod bad_file;
mod chat;
mod dialog;
mod lab;
mod opens;
mod server;

/// A task that a user performs with the program.
pub struct Scenario {
    /// Name in messages and in the names of screenshots.
    pub name: &'static str,
    /// Function that runs the scenario.
    pub run: fn(site: &Site) -> anyhow::Result<()>,
}

impl Scenario {
    const fn new(name: &'static str, run: fn(site: &Site) -> anyhow::Result<()>) -> Self {
        Self { name, run }
    }
}

impl outcome::Scenario for Scenario {
    fn name(&self) -> &'static str {
        self.name
    }
}

/// All scenarios, in the order in which they run.
pub const ALL: &[Scenario] = &[
    Scenario::new("opens", opens::run),
    Scenario::new("chat", chat::run),
    Scenario::new("dialog", dialog::run),
    Scenario::new("lab", lab::run),
    Scenario::new("server", server::run),
    Scenario::new("bad-file", bad_file::run),
    Scenario::new("again", again::run),
];

/// A real model of 230 kB; the path is relative to the checkout.
pub const TINY: &str = "engine/tests/data/families/llama-tied-gguf/llama-tied-gguf.Q4_K_M.gguf";
