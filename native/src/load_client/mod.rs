//! `llamaglass load`: an open-loop client. Requests are sent at times that are fixed in advance, and latencies
//! count from these times, so a slow server can't slow down its own measurement.
//!
//! [`sweep`] runs the load, for other commands too; this module is the command.

mod cpu;
mod csv;
mod fault;
mod figures;
mod html;
mod null_server;
mod progress;
mod protocol;
mod result;
mod run;
mod sample;
mod self_test;
mod sending;
mod settings;
mod study;
mod sweep;
mod table;
mod target;
#[cfg(test)]
mod tests;

pub use protocol::AnswerReader;
pub use result::LoadResult;
pub use run::Counts;
pub use settings::RequestSettings;
pub use sweep::{Load, SweepSettings};
pub use target::Target;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use llamaglass_engine::bytes::replace_file;
use serde_json::json;
use tokio::sync::watch;

use crate::cli::LoadArgs;
use crate::dataset;
use crate::interrupt;
use crate::output::{self, note};
use progress::RunBar;

/// Runs the `load` command.
pub fn run(args: &LoadArgs) -> Result<ExitCode> {
    let settings = settings(args);
    // Check first, so that invalid settings are reported before anything is sent.
    settings.check()?;
    let dataset = dataset::named(&args.prompts, args.take)?;
    let folder = &args.out;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create folder {}", folder.display()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the client")?;
    let (stop, mut stopped) = watch::channel(false);
    let results = runtime.block_on(async {
        let interrupt = tokio::signal::ctrl_c();
        tokio::spawn(async move {
            if interrupt.await.is_ok() {
                let _nobody_runs = stop.send(true);
            } else {
                // Ctrl-C can't be received on this system; that must not look like a request to stop.
                std::future::pending::<()>().await;
            }
        });
        let find = Target::find(&args.url, args.api_key.as_deref(), args.model.as_deref());
        let target = tokio::select! {
            target = find => target?,
            () = sending::stop_requested(&mut stopped) => return Ok(Vec::new()),
        };
        sweep_to(args, &Load::new(target, settings, &dataset), stopped).await
    })?;
    if !results.is_empty() {
        csv::write(&folder.join("load.csv"), &results)?;
        write(&folder.join("load.html"), &html::page(&results)?)?;
    }
    if args.json {
        output::json(&json!({ "results": results }))?;
    } else {
        output::print(&table::table(&results))?;
        note(&format!("results written to {}", folder.display()));
    }
    Ok(status(args, &results))
}

/// Runs the load at each rate, and writes each result before the next run.
async fn sweep_to(
    args: &LoadArgs,
    load: &Load<'_>,
    stop: watch::Receiver<bool>,
) -> Result<Vec<LoadResult>> {
    let mut results: Vec<LoadResult> = Vec::new();
    note(&format!(
        "load     {} at {}, {} of {}",
        output::visible(&load.target.model),
        load.target.url(),
        load.settings.arrivals.name(),
        output::visible(&load.dataset.name),
    ));
    for qps in &args.qps {
        let requests = load.settings.count(qps)?;
        let name = format!("{} requests/s", qps.typed);
        let bar = RunBar::new(&name, requests);
        let mut on_progress = |counts| bar.update(counts);
        let result = load.run(qps, stop.clone(), &mut on_progress).await?;
        drop(bar);
        note(&format!(
            "{name}: {} of {requests} answered",
            result.completed
        ));
        let path = args.out.join(format!("result_{}_x.json", qps.typed));
        write(&path, &serde_json::to_string_pretty(&result)?)?;
        results.push(result);
        if *stop.borrow() {
            note("stopped");
            break;
        }
    }
    Ok(results)
}

fn settings(args: &LoadArgs) -> SweepSettings {
    SweepSettings {
        qps: args.qps.clone(),
        duration_s: args.duration,
        arrivals: args.arrivals,
        timeout_s: args.timeout,
        self_test: !args.no_self_test,
        request: RequestSettings {
            protocol: args.protocol,
            stream: !args.whole,
            raw: args.raw,
            max_tokens: args.max_tokens,
            temperature: args.temperature,
            seed: args.seed,
            ignore_eos: args.ignore_eos,
            timings: !args.no_timings,
        },
    }
}

/// Returns success if every request of every run was answered.
fn status(args: &LoadArgs, results: &[LoadResult]) -> ExitCode {
    if results.len() < args.qps.len() || results.iter().any(|result| result.interrupted) {
        return ExitCode::from(interrupt::STATUS);
    }
    if results.iter().all(LoadResult::is_complete) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    replace_file(path, text).with_context(|| format!("cannot write {}", path.display()))
}
