//! Runs steps on the reference path: one sequence after the other, sampled on the host.

use std::collections::VecDeque;

use async_trait::async_trait;
use burn::tensor::Device;

use super::step::{SubmittedStep, check_chunks, lone_chunk};
use super::{
    Capabilities, Diagnostics, Executor, HostSamplers, SlotSampler, StageTimer, StepChunk,
    StepInput, StepOutput, StepResults, nothing_in_flight,
};
use crate::forward::device::Failures;
use crate::forward::reference::{self, Reference, StepRows};
use crate::forward::{ForwardError, LoadError, Loader, LogitRows, Shape, TILE_ROWS, queue};
use crate::scheduler::Step;
use crate::timing::Span;

/// Runs steps with burn's own operations, on the CPU or on a GPU.
#[derive(Debug)]
pub struct ReferenceExecutor {
    reference: Reference,
    device: Device,
    failures: Failures,
    /// True if operations are computed while they are encoded, so that there is no device to wait for.
    on_cpu: bool,
    vocab: usize,
    capabilities: Capabilities,
    samplers: HostSamplers,
    /// Submitted steps, oldest first. A step is computed when it is waited for.
    submitted: VecDeque<SubmittedStep>,
}

impl ReferenceExecutor {
    /// Loads the weights.
    pub async fn load(loader: &mut Loader<'_>, shape: Shape) -> Result<Self, LoadError> {
        let reference = reference::load(loader, shape).await?;
        Ok(Self {
            reference,
            device: loader.device()?,
            failures: loader.open.failures.clone(),
            on_cpu: loader.open.gpu.is_none(),
            vocab: loader.checkpoint.config().vocab_size,
            capabilities: Capabilities {
                slots: shape.batch,
                rows: shape.chunk,
                tile: TILE_ROWS,
                context: shape.context,
                depth: 1,
                chained: false,
                samples_on_device: false,
                blocks: shape.batch,
                block_size: shape.context,
                copies_blocks: false,
            },
            samplers: HostSamplers::default(),
            submitted: VecDeque::new(),
        })
    }

    fn upload(&self, chunk: &StepChunk) -> Result<StepRows, ForwardError> {
        check_chunks(
            std::slice::from_ref(chunk),
            self.vocab,
            self.capabilities.context,
        )?;
        self.reference
            .upload(chunk.slot, chunk.range.start, &chunk.token_ids)
    }

    /// Waits until everything encoded is computed, and books the time.
    async fn finish(&self, timer: &mut StageTimer) -> Result<(), ForwardError> {
        if self.on_cpu {
            timer.book(Span::Compute);
            return Ok(());
        }
        timer.book(Span::Encode);
        queue::submit(&self.device)?;
        timer.book(Span::Submit);
        queue::wait(&self.device).await?;
        self.failures.check()?;
        timer.book(Span::Gpu);
        Ok(())
    }
}

#[async_trait(?Send)]
impl Executor for ReferenceExecutor {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn prepare(&mut self, _plan: &Step, started: &[SlotSampler<'_>]) -> Result<(), ForwardError> {
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
        let step = self.submitted.pop_front().ok_or_else(nothing_in_flight)?;
        let mut output = StepOutput::default();
        for chunk in &step.chunks {
            let rows = self.upload(chunk)?;
            timer.book(Span::Upload);
            let logit_rows = match chunk.sample {
                Some(_) => LogitRows::Last,
                None => LogitRows::None,
            };
            let logits = self.reference.encode(rows, logit_rows);
            self.finish(timer).await?;
            let Some((logits, sample)) = logits.zip(chunk.sample) else {
                continue;
            };
            let mut logits = queue::read_rows(logits, "logits").await?;
            timer.book(Span::Readback);
            match step.results {
                StepResults::Logits => output.logits.extend(logits),
                StepResults::Tokens => {
                    let slot = chunk.slot;
                    let token = self.samplers.sample(slot, &mut logits, sample.logprobs);
                    output.tokens.push(token);
                    timer.book(Span::Sample);
                }
            }
        }
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
impl Diagnostics for ReferenceExecutor {
    async fn warm_up(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), ForwardError> {
        let Capabilities { context, rows, .. } = self.capabilities;
        // burn tunes its kernels per shape, so the prompt is as long as a prefill chunk.
        let prompt = vec![0; rows.min(context.saturating_sub(1)).max(1)];
        let decode = (&prompt[..1], prompt.len());
        let steps = [(prompt.as_slice(), 0), decode, decode];
        let total = steps.len() as u64;
        for (done, (ids, position)) in (0..).zip(steps) {
            progress(done, total);
            if position < context {
                self.logits(ids, position, LogitRows::Last).await?;
            }
        }
        progress(total, total);
        Ok(())
    }

    async fn logits(
        &mut self,
        ids: &[u32],
        position: usize,
        rows: LogitRows,
    ) -> Result<Vec<f32>, ForwardError> {
        let input = self.upload(&lone_chunk(ids, position, None))?;
        let logits = self.reference.encode(input, rows);
        queue::submit(&self.device)?;
        queue::wait(&self.device).await?;
        self.failures.check()?;
        match logits {
            Some(logits) => queue::read_rows(logits, "logits").await,
            None => Ok(Vec::new()),
        }
    }

    async fn residuals(&mut self, ids: &[u32]) -> Result<Vec<Vec<f32>>, ForwardError> {
        let rows = self.upload(&lone_chunk(ids, 0, None))?;
        let residuals = self.reference.residuals(rows).await?;
        self.failures.check()?;
        Ok(residuals)
    }

    async fn run_start(
        &mut self,
        chunks: &[StepChunk],
        first_kernel: bool,
        timer: &mut StageTimer,
    ) -> Result<(), ForwardError> {
        for chunk in chunks {
            let rows = self.upload(chunk)?;
            timer.book(Span::Upload);
            if first_kernel {
                drop(self.reference.embed(rows));
                self.finish(timer).await?;
            } else if !self.on_cpu {
                queue::submit(&self.device)?;
                timer.book(Span::Submit);
            }
        }
        self.failures.check()
    }

    fn copy_slot(&mut self, slot: usize, positions: usize, timer: &mut StageTimer) {
        self.reference.copy_slot(slot, positions);
        timer.book(if self.on_cpu {
            Span::Compute
        } else {
            Span::Encode
        });
    }
}
