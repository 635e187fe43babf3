//! Runs steps with our own kernels on the CPU: all rows of a step at once, sampled on the host.

mod load;

use std::collections::VecDeque;

use async_trait::async_trait;
use llamaglass_cpu::{KernelName, KernelTime, Row};
use llamaglass_shaders::KV_BLOCK;

use super::step::{SubmittedStep, check_chunks, lone_chunk};
use super::{
    Capabilities, Diagnostics, Executor, HostSamplers, KernelProfile, KernelRun, ModelSection,
    SlotSampler, StageTimer, StepChunk, StepInput, StepOutput, StepResults, nothing_in_flight,
};
use crate::forward::{ForwardError, LogitRows, Roofline};
use crate::platform::{CpuModel, Stopwatch};
use crate::scheduler::{BlockId, Step, TableEntry};
use crate::timing::Span;

/// Runs steps on the CPU.
#[derive(Debug)]
pub struct CpuExecutor {
    model: CpuModel,
    capabilities: Capabilities,
    samplers: HostSamplers,
    /// Submitted steps, oldest first. A step is computed when it is waited for.
    submitted: VecDeque<SubmittedStep>,
    /// Rows of the step that is computed, and the indices of those that sample; kept to be used again.
    rows: Vec<Row>,
    outputs: Vec<usize>,
    /// Entries of a block table that are being written.
    blocks: Vec<BlockId>,
}

impl CpuExecutor {
    /// Number of threads that share a step.
    pub fn threads(&self) -> usize {
        self.model.threads()
    }

    /// Sets `rows` and `outputs` to those of `chunks`.
    fn set_rows(&mut self, chunks: &[StepChunk]) -> Result<(), ForwardError> {
        let vocab = self.model.dimensions().vocab;
        check_chunks(chunks, vocab, self.capabilities.context)?;
        self.rows.clear();
        self.outputs.clear();
        for chunk in chunks {
            let positions = chunk.range.clone();
            let rows = positions.zip(&chunk.token_ids).map(|(position, id)| Row {
                id: *id,
                position: position as u32,
                slot: chunk.slot as u32,
            });
            self.rows.extend(rows);
            if chunk.sample.is_some() {
                self.outputs.push(self.rows.len().saturating_sub(1));
            }
        }
        Ok(())
    }

    /// Sets `rows` to `ids` from `position` on, for a sequence that owns the first blocks of the cache.
    fn set_lone_rows(&mut self, ids: &[u32], position: usize) -> Result<(), ForwardError> {
        let blocks = self.capabilities.context.div_ceil(KV_BLOCK) as BlockId;
        let blocks: Vec<BlockId> = (1..=blocks).collect();
        self.model.set_blocks(0, 0, &blocks)?;
        self.set_rows(&[lone_chunk(ids, position, None)])
    }
}

#[async_trait(?Send)]
impl Executor for CpuExecutor {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn prepare(&mut self, plan: &Step, started: &[SlotSampler<'_>]) -> Result<(), ForwardError> {
        for (first, count) in plan.copy_runs() {
            let [from, to] = [first.from, first.to].map(|block| block as usize);
            self.model.copy_blocks(from, to, count)?;
        }
        for entries in plan.table_runs() {
            let TableEntry { slot, index, .. } = entries[0];
            self.blocks.clear();
            self.blocks.extend(entries.iter().map(|entry| entry.block));
            self.model.set_blocks(slot, index, &self.blocks)?;
        }
        started
            .iter()
            .for_each(|started| self.samplers.start(started));
        Ok(())
    }

    fn submit(&mut self, step: StepInput<'_>, _: &mut StageTimer) -> Result<(), ForwardError> {
        for mask in &step.masks {
            self.samplers.constrain(mask);
        }
        self.submitted.push_back(step.into());
        Ok(())
    }

    async fn wait(&mut self, timer: &mut StageTimer) -> Result<StepOutput, ForwardError> {
        let SubmittedStep { chunks, results } =
            self.submitted.pop_front().ok_or_else(nothing_in_flight)?;
        self.set_rows(&chunks)?;
        timer.book(Span::Upload);
        let logits = self.model.step(&self.rows, &self.outputs)?;
        timer.book(Span::Compute);
        let mut output = StepOutput::default();
        match results {
            StepResults::Logits => {
                output.logits.extend_from_slice(logits);
                timer.book(Span::Readback);
            }
            StepResults::Tokens => {
                let vocab = logits.len() / self.outputs.len().max(1);
                let samples = chunks
                    .iter()
                    .filter_map(|chunk| Some((chunk.slot, chunk.sample?)));
                for ((slot, sample), logits) in samples.zip(logits.chunks_exact_mut(vocab.max(1))) {
                    let token = self.samplers.sample(slot, logits, sample.logprobs);
                    output.tokens.push(token);
                }
                timer.book(Span::Sample);
            }
        }
        timer.set_parts(Some(self.model.take_times()));
        Ok(output)
    }

    fn clear(&mut self) {
        self.submitted.clear();
    }

    fn diagnostics(&mut self) -> &mut dyn Diagnostics {
        self
    }

    fn undecorated(self: Box<Self>) -> Box<dyn Executor> {
        self
    }
}

#[async_trait(?Send)]
impl Diagnostics for CpuExecutor {
    async fn warm_up(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), ForwardError> {
        // Nothing is compiled; a single row reads all weights into the caches and wakes the threads.
        progress(0, 1);
        self.logits(&[0], 0, LogitRows::Last).await?;
        self.model.take_times();
        progress(1, 1);
        Ok(())
    }

    async fn logits(
        &mut self,
        ids: &[u32],
        position: usize,
        rows: LogitRows,
    ) -> Result<Vec<f32>, ForwardError> {
        self.set_lone_rows(ids, position)?;
        let last = ids.len().saturating_sub(1);
        match rows {
            LogitRows::None => Ok(self.model.step(&self.rows, &[])?.to_vec()),
            LogitRows::Last => Ok(self.model.step(&self.rows, &[last])?.to_vec()),
            LogitRows::All => {
                self.model.step(&self.rows, &[])?;
                let mut all = Vec::with_capacity(ids.len() * self.model.dimensions().vocab);
                for row in 0..ids.len() {
                    all.extend_from_slice(self.model.logits(&self.rows, &[row])?);
                }
                Ok(all)
            }
        }
    }

    async fn residuals(&mut self, ids: &[u32]) -> Result<Vec<Vec<f32>>, ForwardError> {
        self.set_lone_rows(ids, 0)?;
        Ok(self.model.residuals(&self.rows)?)
    }

    async fn run_start(
        &mut self,
        chunks: &[StepChunk],
        first_kernel: bool,
        timer: &mut StageTimer,
    ) -> Result<(), ForwardError> {
        self.set_rows(chunks)?;
        timer.book(Span::Upload);
        if first_kernel {
            self.model.embed(&self.rows)?;
            timer.book(Span::Compute);
        }
        Ok(())
    }

    async fn profile(
        &mut self,
        ids: &[u32],
        position: usize,
    ) -> Result<KernelProfile, ForwardError> {
        self.set_lone_rows(ids, position)?;
        let watch = Stopwatch::start();
        let times = self
            .model
            .profile(&self.rows, &[ids.len().saturating_sub(1)])?;
        let wall_ms = watch.ms();
        Ok(KernelProfile {
            runs: times.iter().map(run).collect(),
            device_ms: None,
            wall_ms,
        })
    }

    async fn roofline(&mut self) -> Result<Option<Roofline>, ForwardError> {
        Ok(Roofline::of_threads(self.model.peak_rates()?))
    }
}

fn run(time: &KernelTime) -> KernelRun {
    let KernelTime {
        kernel,
        layer,
        ms,
        bytes,
        flop,
    } = *time;
    let section = match (layer, kernel) {
        (Some(layer), _) => ModelSection::Layer(layer),
        (None, KernelName::Embedding) => ModelSection::BeforeLayers,
        (None, _) => ModelSection::AfterLayers,
    };
    KernelRun {
        section,
        name: kernel.name().into(),
        ms,
        encode_ms: 0.0,
        bytes,
        flop,
    }
}
