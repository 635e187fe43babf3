//! OpenAI's own client packages against `llamaglass serve`.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::command;
use crate::test::{Context, Verdict};

/// The model that is served, from the checkout.
const MODEL: &str = "engine/tests/data/families/llama-tied-gguf/llama-tied-gguf.Q4_K_M.gguf";
/// What each client does, from the checkout.
const SCRIPTS: &str = "native/tests/clients";

/// A server, until this is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Serves a small model on the CPU, and runs a script in each language.
pub fn run(context: &Context<'_>) -> Result<Verdict> {
    let clients = context.clients()?;
    let root = &context.project.root;
    let program = super::parity::build_product(context)?;
    let mut serve = Command::new(program);
    serve
        .arg("serve")
        .arg(root.join(MODEL))
        .args(["--backend", "flex", "--model-name", "tiny", "--port", "0"])
        .stderr(Stdio::piped());
    let mut server = Server(serve.spawn().context("llamaglass serve did not start")?);
    let said = server.0.stderr.take().context("it has no stderr")?;
    let mut lines = BufReader::new(said).lines().map_while(Result::ok);
    let address = lines.find_map(|line| {
        let url = line.strip_prefix("serving  ")?;
        Some(url.split_once("/v1")?.0.to_owned())
    });
    let address = address.context("llamaglass serve ended before it served")?;
    // What it says later must not fill the pipe.
    std::thread::spawn(move || lines.for_each(drop));
    let scripts = root.join(SCRIPTS);
    let mut python = Command::new(clients.python);
    python
        .env("PYTHONPATH", &clients.python_path)
        .arg(scripts.join("client.py"))
        .arg(&address);
    command::run(&mut python)?;
    let mut node = Command::new("node");
    node.env("NODE_PATH", &clients.node_path)
        .arg(scripts.join("client.cjs"))
        .arg(&address);
    command::run(&mut node)?;
    Ok(Verdict::PassedWith("Python and JavaScript".into()))
}
