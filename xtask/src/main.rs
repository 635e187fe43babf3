//! The project's own command, `cargo xtask`: set-up, run and test.
//!
//! `cargo xtask run` sets up a bare machine and opens the page in a browser, `cargo xtask desktop` in a window
//! of its own; `cargo xtask test` runs every check that CI runs; `cargo xtask compare` measures the speed beside
//! llama.cpp's. Each of them first announces and installs what is missing.

mod background;
mod browser;
mod checks;
mod command;
mod compare;
mod context;
mod desktop;
mod digest;
mod download;
mod e2e;
mod machine;
mod metadata;
mod page;
mod patches;
mod product;
mod project;
mod run;
mod serve;
mod setup;
mod tasks;
mod test;
mod timings;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use project::Project;

/// Set up, run and test Llamaglass.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Cli {
    /// Install what is missing, fetch the default model, build the page, serve it and open it in the browser.
    Run(run::Args),
    /// Install what is missing, build the desktop program, and start it or build packages of it.
    Desktop(desktop::Args),
    /// Run every check, the same as CI.
    Test(test::Args),
    /// Drive the page with random actions in Chromium and look for faults.
    Explore(e2e::explore::Args),
    /// Measure the speed beside llama.cpp's, in alternating runs.
    Compare(compare::Args),
    /// Install what `run` needs and fetch the default model, without building the page.
    Setup(setup::Args),
}

fn main() -> ExitCode {
    match execute(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without a backtrace, because the cause is on the machine and not in this program.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: Cli) -> Result<()> {
    let project = Project::find()?;
    patches::set_times(&project.root);
    match cli {
        Cli::Run(args) => run::run(&project, &args),
        Cli::Desktop(args) => desktop::run(&project, &args),
        Cli::Test(args) => test::run(&project, &args),
        Cli::Explore(args) => e2e::explore::run(&project, &args),
        Cli::Compare(args) => compare::run(&project, &args),
        Cli::Setup(args) => setup::run(&project, &args),
    }
}
