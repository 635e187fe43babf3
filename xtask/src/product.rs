//! Builds the native programs for the checks, and runs `llamaglass serve`.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::command;
use crate::context::Context;
use crate::project::Project;

/// Cargo's arguments for every crate except xtask. xtask is built separately, as `cargo xtask` builds it: if they
/// were built together, cargo would unify other features of their dependencies and build both twice.
pub const PRODUCT: &[&str] = &["--workspace", "--exclude", "xtask"];

/// Builds the native programs as the tests build them, so that nothing is built twice, and returns the path of
/// `llamaglass`.
pub fn build(context: &Context<'_>) -> Result<PathBuf> {
    let mut build = context.cargo();
    build
        .arg("build")
        .args(PRODUCT)
        .args(["--all-targets", "--locked"]);
    command::run(&mut build)?;
    Ok(program(context.project, "llamaglass"))
}

/// Returns the path at which [`build`] leaves a program.
pub fn program(project: &Project, name: &str) -> PathBuf {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    project.target.join("debug").join(file)
}

/// A `llamaglass serve` on the CPU, which is killed when this value is dropped.
pub struct Server {
    process: Child,
    /// Base URL, without a path.
    pub url: String,
}

impl Server {
    /// Starts `program` with `model` and the arguments `words` on a free port, and waits until it serves.
    pub fn start(
        program: &Path,
        model: &Path,
        words: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>,
    ) -> Result<Self> {
        let mut serve = Command::new(program);
        serve
            .arg("serve")
            .arg(model)
            .args(["--backend", "cpu", "--port", "0"])
            .args(words)
            .stderr(Stdio::piped());
        let process = serve.spawn().context("llamaglass serve did not start")?;
        let mut server = Self {
            process,
            url: String::new(),
        };
        let stderr = server.process.stderr.take().context("it has no stderr")?;
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        let url = lines.find_map(|line| {
            let url = line.strip_prefix("serving  ")?;
            Some(url.split_once("/v1")?.0.to_owned())
        });
        server.url = url.context("llamaglass serve ended before it served")?;
        // Later output is read and dropped, so that it does not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server may have exited already.
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}
