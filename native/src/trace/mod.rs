//! Tracing: `--log LEVEL` writes a log for people, and `--trace FILE` writes what threads, the device and requests
//! do for viewers of the Trace Event Format.

mod layer;

use std::fs::File;
use std::io::BufWriter;

use anyhow::{Context, Result};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use layer::TraceLayer;

use crate::cli::TraceArgs;
use crate::output;

/// Prefix of the targets to record: those of our own crates.
const TARGET: &str = "llamaglass";

/// Starts logging and tracing if `args` ask for it. The trace file is complete once the guard is dropped, but can
/// be read before.
pub fn start(args: &TraceArgs) -> Result<Guard> {
    let layer = args.trace.as_deref().map(|path| {
        let file = File::create(path).with_context(|| format!("--trace {}", path.display()))?;
        anyhow::Ok(TraceLayer::new(BufWriter::new(file))?)
    });
    let layer = layer.transpose()?;
    let guard = Guard(layer.clone());
    if layer.is_some() || args.log != LevelFilter::OFF {
        let own = |level| Targets::new().with_target(TARGET, level);
        let log = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(output::safe_stderr)
            .with_filter(own(args.log));
        tracing_subscriber::registry()
            .with(layer.map(|layer| layer.with_filter(own(LevelFilter::TRACE))))
            .with(log)
            .try_init()
            .context("starting the log")?;
    }
    Ok(guard)
}

/// Ends the trace file when it is dropped.
pub struct Guard(Option<TraceLayer<BufWriter<File>>>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(layer) = &self.0 {
            layer.finish();
        }
    }
}
