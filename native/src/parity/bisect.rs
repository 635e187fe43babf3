//! `llamaglass parity --bisect`: finds where a model's path diverges from the reference path on the CPU.

use llamaglass_lab::StubLevel;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use llamaglass_driver::run_on_thread;
use llamaglass_engine::{BackendChoice, Engine, ForwardPath, LoadOptions};
use llamaglass_runner::parity::{BISECT_TOLERANCE, BlockDifference, bisect};
use serde::Serialize;

use crate::cli::BackendArgs;
use crate::load::{LoadBars, announce};
use crate::model::Model;
use crate::output;

/// Number of token ids to run through the blocks: more than one tile of 16 rows, fewer than two.
const IDS: usize = 24;

/// Result of a comparison.
#[derive(Debug, Serialize)]
struct BisectReport {
    model: String,
    adapter: String,
    path: &'static str,
    tolerance: f64,
    pass: bool,
    /// First block after which the hidden states differ; 0 is the embedding.
    first_apart: Option<usize>,
    blocks: Vec<BlockDifference>,
}

/// Runs the command; the status is 1 if the paths diverge.
pub fn run(model: &Path, backend: &BackendArgs, json: bool) -> Result<ExitCode> {
    let model = Model::at(model)?;
    let options = backend.load_options()?;
    let report = run_on_thread(move || compare(&model, options))?;
    if json {
        output::json(&report)?;
    } else {
        output::print(&report.table())?;
    }
    Ok(if report.pass {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn compare(model: &Model, options: LoadOptions) -> Result<BisectReport> {
    let load = |options: &LoadOptions| -> Result<Engine> {
        let mut bars = LoadBars::default();
        let engine = model.load(options, StubLevel::Whole, &mut |progress| {
            bars.update(progress)
        })?;
        bars.finish();
        announce(&model.label(), engine.info(), StubLevel::Whole);
        Ok(engine)
    };
    let options = LoadOptions {
        context_length: Some(options.context_length.unwrap_or(IDS).max(IDS)),
        prefill_chunk: Some(IDS),
        ..options
    };
    let mut engine = load(&options)?;
    let mut oracle = load(&LoadOptions {
        backend: BackendChoice::Cpu,
        adapter: None,
        path: Some(ForwardPath::Reference),
        kv: Default::default(),
        activations: Default::default(),
        instruction_set: None,
        variant: None,
        ..options
    })?;
    let vocab = engine.info().config.vocab_size as u32;
    let ids: Vec<u32> = (0..IDS as u32).map(|i| (i * 7919 + 1) % vocab).collect();
    let blocks = pollster::block_on(bisect(&mut engine, &mut oracle, &ids))?;
    let apart = blocks.iter().find(|block| !block.pass);
    Ok(BisectReport {
        model: model.label(),
        adapter: engine.info().backend.adapter.clone(),
        path: engine.info().path.name(),
        tolerance: BISECT_TOLERANCE,
        pass: apart.is_none(),
        first_apart: apart.map(|block| block.after_blocks),
        blocks,
    })
}

impl BisectReport {
    fn table(&self) -> String {
        let mut out = format!("{:>12}{:>16}{:>16}\n", "after", "largest", "max diff");
        for block in &self.blocks {
            let after = match block.after_blocks {
                0 => "embedding".to_owned(),
                blocks => format!("block {}", blocks - 1),
            };
            let apart = block
                .max_abs_diff
                .map_or_else(|| "not finite".to_owned(), |diff| format!("{diff:.3e}"));
            let mark = if block.pass { "" } else { "  apart" };
            let largest = block.largest;
            let _infallible = writeln!(out, "{after:>12}{largest:>16.3e}{apart:>16}{mark}");
        }
        let Self {
            path,
            adapter,
            tolerance,
            ..
        } = self;
        let verdict = match self.first_apart {
            None => "are the same",
            Some(0) => "part in the embedding",
            Some(_) => "part in the block marked first",
        };
        let _infallible = writeln!(
            out,
            "the {path} path on {adapter} and the reference path on the CPU {verdict}, within {tolerance} of the largest value",
        );
        out
    }
}
