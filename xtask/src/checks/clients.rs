//! OpenAI's own client packages against `llamaglass serve`.

use std::process::Command;

use anyhow::Result;

use crate::command;
use crate::product::{self, Server};
use crate::test::{Context, Verdict};

/// The model that is served, from the checkout.
const MODEL: &str = "engine/tests/data/families/llama-tied-gguf/llama-tied-gguf.Q4_K_M.gguf";
/// What each client does, from the checkout.
const SCRIPTS: &str = "native/tests/clients";

/// Serves a small model on the CPU, and runs a script in each language.
pub fn run(context: &Context<'_>) -> Result<Verdict> {
    let clients = context.clients()?;
    let root = &context.project.root;
    let program = product::build(context)?;
    let server = Server::start(&program, &root.join(MODEL), ["--model-name", "tiny"])?;
    let scripts = root.join(SCRIPTS);
    let mut python = Command::new(clients.python);
    python
        .env("PYTHONPATH", &clients.python_path)
        .arg(scripts.join("client.py"))
        .arg(&server.url);
    command::run(&mut python)?;
    let mut node = Command::new("node");
    node.env("NODE_PATH", &clients.node_path)
        .arg(scripts.join("client.cjs"))
        .arg(&server.url);
    command::run(&mut node)?;
    Ok(Verdict::PassedWith("Python and JavaScript".into()))
}
