//! `lab parity`: computes logits, saves them to files, and compares them with those of a reference run.

use llamaglass_lab::StubLevel;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use llamaglass_driver::run_on_thread;
use llamaglass_engine::bytes::replace_file;
use llamaglass_engine::tokenizer::{SpecialText, Tokenizer};
use llamaglass_engine::{Activations, BackendChoice, Engine, ForwardPath, KvType, LoadOptions};
use llamaglass_lab::dataset::Dataset;
use llamaglass_lab::experiments::parity::{
    Deviation, ParityData, ParityRow, first_divergence, positions,
};
use llamaglass_lab::{LabError, Observer, Progress};
use llamaglass_runner::bare::encode;
use llamaglass_runner::logits::logits;
use serde::{Deserialize, Serialize};

use super::layers::ShellLayers;
use super::observer::TerminalObserver;
use super::shell::Shell;
use crate::load::LoadBars;
use crate::model::Model;
use crate::output::note;

/// Name of the index file in a folder of logits.
const INDEX: &str = "index.json";

/// Index of a folder of logits. Each row has a file of f32 logits in little-endian order, position by position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct LogitsIndex {
    /// Version of this structure.
    schema_version: u32,
    /// Description of the path and device that computed the logits.
    computed: String,
    /// Number of logits per position.
    vocab: usize,
    /// Token ids of each row.
    rows: Vec<Vec<u32>>,
}

/// Settings of a parity run.
pub struct ParityRun<'a> {
    /// Model to measure, and the options to load it with.
    pub model: (&'a Model, &'a LoadOptions),
    /// Folder of saved reference logits, if there is one.
    pub reference: Option<&'a Path>,
    /// Folder for the logits of this run.
    pub out: PathBuf,
    /// Data type of the KV cache.
    pub kv: KvType,
    /// Number of tokens to generate through the scheduler and by the bare loop.
    pub tokens: usize,
}

impl ParityRun<'_> {
    /// Saves reference logits if there are none, then saves those of `shell`, and compares the files.
    ///
    /// # Errors
    /// Fails if files can't be written, if the reference has other rows, or if the engine fails.
    pub async fn run(
        &self,
        shell: &Shell,
        dataset: &Dataset,
        observer: &TerminalObserver,
    ) -> Result<ParityData> {
        let rows = self.rows(shell.tokenizer(), dataset)?;
        let reference = match self.reference {
            Some(folder) => folder.to_owned(),
            None => {
                let folder = self.out.join("reference");
                self.save_reference(&folder, &rows, observer)?;
                folder
            }
        };
        let saved = LogitsIndex::read(&reference)?;
        ensure!(
            saved.rows == rows,
            "{} has the logits of other token ids, from another dataset or another tokenizer",
            reference.display()
        );
        let ours = self.out.join("run");
        let (all_rows, folder, computed) = (rows.clone(), ours.clone(), describe(shell));
        shell.on_engine(observer, async move |engine, observer| {
            save(engine, &all_rows, &computed, &folder, observer).await
        })?;
        let mut found = Vec::with_capacity(rows.len());
        let layers = ShellLayers::new(shell, shell.target().await?);
        for (index, (ids, row)) in rows.iter().zip(&dataset.rows).enumerate() {
            if observer.is_stopped() {
                return Err(LabError::Stopped.into());
            }
            let [max_abs, max_rel] = compare(&ours, &reference, index, saved.vocab)?.finite();
            let (bare, _) = layers.bare(&row.prompt, self.tokens)?;
            let sampled = layers.scheduler(&row.prompt, self.tokens).await?;
            found.push(ParityRow {
                ids: ids.len(),
                positions: positions(ids.len()),
                max_abs,
                max_rel,
                within: false,
                picked: sampled.len(),
                first_divergence: first_divergence(&bare, &sampled),
            });
        }
        Ok(ParityData::of(
            dataset.name.clone(),
            saved.computed,
            self.kv,
            found,
        ))
    }

    /// Returns the token ids whose logits are compared: prompt and reference answer of each row.
    fn rows(&self, tokenizer: &Tokenizer, dataset: &Dataset) -> Result<Vec<Vec<u32>>> {
        let rows = dataset.rows.iter().enumerate().map(|(index, row)| {
            let ids = || -> Result<Vec<u32>> {
                let (mut ids, _) = encode(tokenizer, row)?;
                if let Some(reference) = &row.reference {
                    ids.extend(tokenizer.encode(reference, SpecialText::AsText)?);
                }
                Ok(ids)
            };
            ids().with_context(|| format!("row {} of the dataset", index + 1))
        });
        rows.collect()
    }

    /// Computes the reference logits with the reference path in f32 on the CPU, on a thread of its own.
    fn save_reference(
        &self,
        folder: &Path,
        rows: &[Vec<u32>],
        observer: &TerminalObserver,
    ) -> Result<()> {
        note("parity   computing a reference: f32 on the CPU");
        let (model, options) = (self.model.0.clone(), self.model.1.clone());
        let options = LoadOptions {
            backend: BackendChoice::Cpu,
            adapter: None,
            path: Some(ForwardPath::Reference),
            kv: KvType::F32,
            variant: None,
            activations: Activations::F32,
            instruction_set: None,
            batch: None,
            kv_blocks: None,
            readback_depth: None,
            ..options
        };
        let (folder, rows) = (folder.to_owned(), rows.to_vec());
        let mut observer = observer.clone();
        run_on_thread(move || {
            let mut bars = LoadBars::default();
            let mut engine = model.load(&options, StubLevel::Whole, &mut |progress| {
                bars.update(progress)
            })?;
            bars.finish();
            let computed = "the reference path in f32 on the CPU";
            Ok(pollster::block_on(save(
                &mut engine,
                &rows,
                computed,
                &folder,
                &mut observer,
            ))?)
        })
    }
}

fn describe(shell: &Shell) -> String {
    let backend = &shell.info().backend;
    format!(
        "the {} path on {}",
        shell.info().path.name(),
        backend.adapter
    )
}

/// Computes the logits of `rows` and writes them to `folder`.
async fn save(
    engine: &mut Engine,
    rows: &[Vec<u32>],
    computed: &str,
    folder: &Path,
    observer: &mut TerminalObserver,
) -> Result<(), LabError> {
    let failed = |error: std::io::Error| LabError::failed(&folder.display().to_string(), error);
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut vocab = 0;
    for (index, ids) in rows.iter().enumerate() {
        observer.notify(Progress {
            what: format!("logits of row {}/{}", index + 1, rows.len()),
            done: index,
            total: rows.len(),
            point: None,
        });
        if !observer.yield_now().await {
            return Err(LabError::Stopped);
        }
        let found = logits(engine, ids).await;
        let found = found.map_err(|error| LabError::Row {
            row: index + 1,
            error: error.to_string(),
        })?;
        vocab = found.first().map_or(vocab, Vec::len);
        let bytes = found.iter().flatten().flat_map(|logit| logit.to_le_bytes());
        let bytes: Vec<u8> = bytes.collect();
        replace_file(&folder.join(file_name(index)), bytes).map_err(failed)?;
    }
    let index = LogitsIndex {
        schema_version: 1,
        computed: computed.to_owned(),
        vocab,
        rows: rows.to_vec(),
    };
    let json = serde_json::to_vec(&index).map_err(|error| failed(error.into()))?;
    // The index is written last, so that a folder with an index is complete.
    replace_file(&folder.join(INDEX), json).map_err(failed)
}

fn file_name(index: usize) -> String {
    format!("row-{}.f32", index + 1)
}

impl LogitsIndex {
    fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(INDEX);
        let bytes = std::fs::read(&path).with_context(|| format!("{}", path.display()))?;
        let saved: Self =
            serde_json::from_slice(&bytes).with_context(|| format!("{}", path.display()))?;
        if saved.schema_version != 1 {
            bail!(
                "{} is of version {}, not 1",
                path.display(),
                saved.schema_version
            );
        }
        Ok(saved)
    }
}

/// Returns the largest deviation over the positions of a row.
fn compare(ours: &Path, reference: &Path, index: usize, vocab: usize) -> Result<Deviation> {
    let read = |folder: &Path| -> Result<Vec<f32>> {
        let path = folder.join(file_name(index));
        let bytes = std::fs::read(&path).with_context(|| format!("{}", path.display()))?;
        let (words, rest) = bytes.as_chunks::<4>();
        ensure!(rest.is_empty(), "{} is cut off", path.display());
        Ok(words.iter().map(|word| f32::from_le_bytes(*word)).collect())
    };
    let (ours, reference) = (read(ours)?, read(reference)?);
    ensure!(
        ours.len() == reference.len() && vocab > 0,
        "row {}: {} logits instead of {}",
        index + 1,
        ours.len(),
        reference.len()
    );
    let pairs = ours.chunks(vocab).zip(reference.chunks(vocab));
    let worst = pairs.map(|(a, b)| Deviation::of(a, b));
    Ok(worst.fold(Deviation::default(), Deviation::worse))
}
