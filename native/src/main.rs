//! The `llamaglass` command: chat, serve, load, bench, lab, inspect, tokenize and parity.

mod bench;
mod chat;
mod cli;
mod dataset;
mod display;
mod inspect;
mod interrupt;
mod lab;
mod load;
mod load_client;
mod model;
mod output;
mod parity;
mod serve;
mod timing_table;
mod tokenize;
mod trace;

use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command};
use llamaglass_engine::platform::BudgetedAllocator;

/// Limits the memory that chat templates of models may take.
#[global_allocator]
static ALLOCATOR: BudgetedAllocator = BudgetedAllocator;

fn main() -> ExitCode {
    display::keep_drivers_quiet();
    let result = match Cli::parse().command {
        Command::Chat(args) => chat::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Tokenize(args) => tokenize::run(&args),
        Command::Parity(args) => parity::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Load(args) => load_client::run(&args),
        Command::Lab(args) => lab::run(&args),
    };
    match result {
        Ok(code) => code,
        // The reader of our output has closed the pipe, which is no failure.
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::note(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
