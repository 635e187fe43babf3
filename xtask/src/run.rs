//! `cargo xtask run`: sets up a bare machine, builds the page, and opens it in the browser.

use anyhow::Result;

use crate::page::{self, Build};
use crate::project::Project;
use crate::setup::model;
use crate::{browser, serve};

/// Arguments of `run`.
#[derive(clap::Args)]
pub struct Args {
    /// Port on 127.0.0.1 to serve the page on; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Do not open a browser.
    #[arg(long)]
    no_open: bool,
    /// Build the small page that ships, which takes many minutes the first time (default: a quick build).
    #[arg(long)]
    release: bool,
}

/// Installs what is missing, builds the page, and serves it until Ctrl-C.
///
/// # Errors
/// If a step fails; the message says what to do.
pub fn run(project: &Project, args: &Args) -> Result<()> {
    // Bound first, so that a port in use is reported now and not after ten minutes of building.
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
    // If no handler for Ctrl-C can be installed, this returns at once and the server stops.
    let _ = tokio::signal::ctrl_c().await;
}
