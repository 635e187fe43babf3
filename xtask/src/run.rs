//! `cargo xtask run`: from a bare machine to the page in the browser.

use anyhow::Result;

use crate::page::{self, Build};
use crate::project::Project;
use crate::setup::model;
use crate::{browser, serve};

/// Arguments of `run`.
#[derive(clap::Args)]
pub struct Args {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Do not open a browser.
    #[arg(long)]
    no_open: bool,
    /// Build the page as it ships: small, which takes many minutes the first time.
    #[arg(long)]
    release: bool,
}

/// Sets up what is missing, builds the page and serves it until Ctrl-C.
///
/// # Errors
/// Where a step fails; the message says what to do.
pub fn run(project: &Project, args: &Args) -> Result<()> {
    // First, because a port that is taken now is still taken after ten minutes of building.
    let listener = serve::listen(args.port)?;
    let build = if args.release {
        Build::Small
    } else {
        Build::Quick
    };
    page::set_up(project, build, true)?;

    let url = format!("http://{}/", listener.local_addr()?);
    let router = serve::router(&project.dist(), &project.models(), model::entries());
    println!("\nLlamaglass is at {url} (Ctrl-C ends it)");
    if !args.no_open {
        browser::open(&url);
    }
    serve::serve(listener, router, interrupted())
}

async fn interrupted() {
    // Without a handler for it, Ctrl-C ends the process anyway.
    let _ = tokio::signal::ctrl_c().await;
}
