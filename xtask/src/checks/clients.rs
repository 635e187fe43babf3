//! Runs real clients against `llamaglass serve`: OpenAI's packages, frameworks built on them, and GuideLLM.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::command;
use crate::context::{Context, Verdict};
use crate::product::{self, Server};

/// Path of the served model, relative to the checkout.
const MODEL: &str = "engine/tests/data/families/llama-tied-gguf/llama-tied-gguf.Q4_K_M.gguf";
/// Folder of the client scripts, relative to the checkout.
const SCRIPTS: &str = "native/tests/clients";
/// Time limit for all of GuideLLM's runs together.
const GUIDELLM_TIMEOUT: Duration = Duration::from_secs(600);

/// Serves a small model on the CPU and runs one script per kind of client.
pub fn run(context: &Context<'_>) -> Result<Verdict> {
    let clients = context.clients()?;
    let (server, scripts) = serve(context)?;
    for (packages, script) in [
        (&clients.openai, "client.py"),
        (&clients.frameworks, "frameworks.py"),
    ] {
        command::run(packages.script(&scripts.join(script)).arg(&server.url))?;
    }
    let mut node = Command::new("node");
    node.env("NODE_PATH", &clients.node_path)
        .arg(scripts.join("client.cjs"))
        .arg(&server.url);
    command::run(&mut node)?;
    Ok(Verdict::PassedWith("Python and JavaScript".into()))
}

/// Serves the same model and benchmarks the server with GuideLLM.
pub fn guidellm(context: &Context<'_>) -> Result<Verdict> {
    let packages = context.guidellm()?;
    let (server, scripts) = serve(context)?;
    let mut run = packages.script(&scripts.join("guidellm/run.py"));
    command::run_within(run.arg(&server.url), GUIDELLM_TIMEOUT)?;
    Ok(Verdict::Passed)
}

/// Starts a server that rejects unknown fields, and returns it with the folder of the scripts.
fn serve(context: &Context<'_>) -> Result<(Server, PathBuf)> {
    let root = &context.project.root;
    let program = product::build(context)?;
    let words = ["--model-name", "tiny", "--strict"];
    let server = Server::start(&program, &root.join(MODEL), words)?;
    Ok((server, root.join(SCRIPTS)))
}
