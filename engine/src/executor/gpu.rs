//! Runs steps on a GPU with our own kernels: captured, several in flight, sampled on the device.

use std::collections::VecDeque;

use async_trait::async_trait;
use burn::tensor::{Device, Tensor};
use llamaglass_shaders::{KV_BLOCK, Variant};

use super::step::{check_chunks, lone_chunk};
use super::{
    Capabilities, Diagnostics, Executor, KernelProfile, KernelRun, ModelSection, SampleOptions,
    SampledToken, SlotSampler, StageTimer, StepChunk, StepInput, StepOutput, StepResults,
    nothing_in_flight,
};
use crate::forward::device::Failures;
use crate::forward::fast::{self, Fast, TILED_ROWS};
use crate::forward::gpu::Profile;
use crate::forward::{
    ForwardError, HostEmbedding, LoadError, Loader, LogitRows, NextRows, Rows, SamplingMode, Shape,
    StepRead, StepResult, TILE_ROWS, queue,
};
use crate::sampling::{SamplingError, SamplingOptions, sampling};
use crate::scheduler::{BlockId, Step, TableEntry};
use crate::timing::Span;

/// Target duration of one submit during prefill, in milliseconds, so that a page can be painted in between.
const SUBMIT_MS: f64 = 100.0;

/// Runs steps on a GPU.
#[derive(Debug)]
pub struct GpuExecutor {
    fast: Fast,
    device: Device,
    failures: Failures,
    /// Embedding for lookup on the host, if the device can't hold it.
    embedding: Option<HostEmbedding>,
    hidden_size: usize,
    vocab: usize,
    capabilities: Capabilities,
    /// Steps in flight, oldest first.
    in_flight: VecDeque<InFlightStep>,
    /// True once the duration of a full prefill chunk has been measured.
    paced: bool,
}

/// A step that was submitted and is not read back yet.
#[derive(Debug)]
struct InFlightStep {
    read: StepRead,
    /// Logits to read back, if the step asked for them.
    logits: Option<Tensor<2>>,
    /// Number of rows that have ids.
    rows: usize,
    /// Start of the engine's step that submitted it, in milliseconds since the engine was created.
    start_ms: f64,
}

impl GpuExecutor {
    /// Loads the weights.
    pub async fn load(
        loader: &mut Loader<'_>,
        shape: Shape,
        depth: usize,
    ) -> Result<Self, LoadError> {
        let (fast, embedding) = fast::load(loader, shape).await?;
        let config = loader.checkpoint.config();
        Ok(Self {
            capabilities: Capabilities {
                slots: shape.batch,
                rows: shape.chunk,
                tile: TILE_ROWS,
                context: shape.context,
                depth,
                // The device needs the embedding to look its own samples up.
                chained: embedding.is_none(),
                samples_on_device: true,
                blocks: shape.pool(),
                block_size: KV_BLOCK,
                copies_blocks: true,
            },
            fast,
            device: loader.device()?,
            failures: loader.open.failures.clone(),
            embedding,
            hidden_size: config.hidden_size,
            vocab: config.vocab_size,
            in_flight: VecDeque::new(),
            paced: false,
        })
    }

    /// Returns the variant of the kernels.
    pub const fn variant(&self) -> Variant {
        self.fast.variant()
    }

    /// Uploads the rows of `chunks`.
    fn upload(&self, chunks: &[StepChunk]) -> Result<Rows, ForwardError> {
        check_chunks(chunks, self.vocab, self.capabilities.context)?;
        let mut rows = NextRows::default();
        for chunk in chunks {
            let samples = chunk.sample.is_some();
            rows.push(chunk.slot, chunk.range.start, &chunk.token_ids, samples);
        }
        let looked_up = self.embedding.as_ref().map(|table| {
            let ids: Vec<u32> = rows.rows().iter().map(|row| row.id).collect();
            table.rows(&ids, self.hidden_size)
        });
        self.fast.upload(&rows, looked_up.transpose()?.as_deref())?;
        Ok(rows.count())
    }

    /// Uploads `ids` from `position` on for a sequence that owns the first blocks of the cache.
    fn upload_lone(&self, ids: &[u32], position: usize) -> Result<Rows, ForwardError> {
        let blocks = self.capabilities.context.div_ceil(KV_BLOCK) as BlockId;
        let blocks: Vec<BlockId> = (1..=blocks).collect();
        self.fast.set_blocks(0, 0, &blocks)?;
        self.upload(&[lone_chunk(ids, position, Some(SampleOptions::GREEDY))])
    }

    /// Sets the size of submits after the first full prefill chunk, given that a step of `rows` rows took `ms`.
    fn pace(&mut self, rows: usize, ms: f64) {
        if !self.paced && rows == self.capabilities.rows && rows > 1 {
            self.fast.pace(ms, SUBMIT_MS);
            self.paced = true;
        }
    }
}

#[async_trait(?Send)]
impl Executor for GpuExecutor {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn prepare(&mut self, plan: &Step, started: &[SlotSampler<'_>]) -> Result<(), ForwardError> {
        for (first, count) in plan.copy_runs() {
            self.fast.copy_blocks([first.from, first.to], count);
        }
        for entries in plan.table_runs() {
            let TableEntry { slot, index, .. } = entries[0];
            let blocks: Vec<BlockId> = entries.iter().map(|entry| entry.block).collect();
            self.fast.set_blocks(slot, index, &blocks)?;
        }
        for started in started {
            let SlotSampler {
                slot,
                sampling,
                draws,
                occurrences,
            } = *started;
            self.fast.begin(slot, sampling, draws, occurrences)?;
        }
        Ok(())
    }

    fn submit(&mut self, step: StepInput<'_>, timer: &mut StageTimer) -> Result<(), ForwardError> {
        let rows = if step.chained {
            Rows::decode(step.chunks.len())
        } else {
            let rows = self.upload(&step.chunks)?;
            timer.book(Span::Upload);
            rows
        };
        for mask in &step.masks {
            self.fast.constrain(mask.slot, mask.words)?;
        }
        if !step.masks.is_empty() {
            timer.book(Span::Upload);
        }
        let (mut mode, mut top) = (SamplingMode::Argmax, None);
        for sample in step.chunks.iter().filter_map(|chunk| chunk.sample) {
            top = top.max(sample.logprobs);
            if sample.mode == SamplingMode::Sample {
                mode = SamplingMode::Sample;
            }
        }
        self.fast.set_replays(step.replays);
        let (logits, count) = match step.results {
            StepResults::Tokens => {
                self.fast.advance(rows, mode, top);
                (None, rows.samples)
            }
            StepResults::Logits => {
                top = None;
                (self.fast.encode_sampled(rows), 0)
            }
        };
        timer.book(Span::Encode);
        self.in_flight.push_back(InFlightStep {
            read: self.fast.read_step(count, top)?,
            logits,
            rows: step.chunks.iter().map(|chunk| chunk.range.len()).sum(),
            start_ms: timer.start_ms(),
        });
        timer.book(Span::Submit);
        Ok(())
    }

    async fn wait(&mut self, timer: &mut StageTimer) -> Result<StepOutput, ForwardError> {
        let step = self.in_flight.pop_front().ok_or_else(nothing_in_flight)?;
        let InFlightStep {
            read,
            logits,
            rows,
            start_ms,
        } = step;
        let StepResult {
            ids,
            logprobs,
            timing,
        } = read.get().await?;
        self.failures.check()?;
        timer.book(Span::Gpu);
        timer.set_device(timing);
        self.pace(rows, timer.start_ms() + timer.ms() - start_ms);
        let mut logprobs = logprobs.into_iter();
        let token = |id: Option<u32>| {
            let id = id.ok_or(SamplingError::NoFiniteLogit)?;
            let logprobs = logprobs.next();
            Ok(SampledToken { id, logprobs })
        };
        let tokens = ids.into_iter().map(token).collect();
        let logits = match logits {
            None => Vec::new(),
            Some(logits) => {
                let logits = queue::read_rows(logits, "logits").await?;
                timer.book(Span::Readback);
                logits
            }
        };
        Ok(StepOutput { tokens, logits })
    }

    fn clear(&mut self) {
        self.in_flight.clear();
    }

    fn diagnostics(&mut self) -> &mut dyn Diagnostics {
        self
    }

    fn undecorated(self: Box<Self>) -> Box<dyn Executor> {
        self
    }
}

#[async_trait(?Send)]
impl Diagnostics for GpuExecutor {
    async fn warm_up(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), ForwardError> {
        let context = self.capabilities.context;
        // The kernels are the same for any number of rows above this one.
        let rows = TILED_ROWS.min(self.capabilities.rows);
        let prompt = vec![0; rows.min(context.saturating_sub(1)).max(1)];
        let decode = (&prompt[..1], prompt.len());
        // One decode step per sampling mode captures it; the last one is a replay.
        let steps = [
            ((prompt.as_slice(), 0), SamplingMode::Argmax),
            (decode, SamplingMode::Argmax),
            (decode, SamplingMode::Sample),
            (decode, SamplingMode::Argmax),
        ];
        let total = steps.len() as u64;
        // Any settings do: they do not affect compilation.
        if let Ok(sampling) = sampling(&SamplingOptions::default()) {
            self.fast.begin(0, &sampling, 0, &[])?;
        }
        for (done, ((ids, position), mode)) in (0..).zip(steps) {
            progress(done, total);
            if position < context {
                let rows = self.upload_lone(ids, position)?;
                self.fast.advance(rows, mode, None);
                self.fast.read_step(1, None)?.get().await?;
                self.failures.check()?;
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
        let total = self.upload_lone(ids, position)?.total();
        let logits = self.fast.encode(total, rows)?;
        queue::submit(&self.device)?;
        queue::wait(&self.device).await?;
        self.failures.check()?;
        match logits {
            Some(logits) => queue::read_rows(logits, "logits").await,
            None => Ok(Vec::new()),
        }
    }

    async fn residuals(&mut self, ids: &[u32]) -> Result<Vec<Vec<f32>>, ForwardError> {
        let rows = self.upload_lone(ids, 0)?;
        let residuals = self.fast.residuals(rows.total()).await?;
        self.failures.check()?;
        Ok(residuals)
    }

    async fn run_start(
        &mut self,
        chunks: &[StepChunk],
        first_kernel: bool,
        timer: &mut StageTimer,
    ) -> Result<(), ForwardError> {
        let rows = self.upload(chunks)?;
        timer.book(Span::Upload);
        if first_kernel {
            self.fast.embed(rows.total());
            timer.book(Span::Encode);
        }
        self.fast.flush()?;
        timer.book(Span::Submit);
        if first_kernel {
            queue::wait(&self.device).await?;
            timer.book(Span::Gpu);
        }
        self.failures.check()
    }

    async fn profile(
        &mut self,
        ids: &[u32],
        position: usize,
    ) -> Result<KernelProfile, ForwardError> {
        let rows = self.upload_lone(ids, position)?;
        let profile = self.fast.profile(rows.total()).await?;
        self.failures.check()?;
        Ok(kernel_profile(&profile, ids.len(), position))
    }

    fn captures(&self) -> u64 {
        self.fast.captures()
    }
}

/// Converts the timed launches of a step of `tokens` ids from `position` on.
fn kernel_profile(profile: &Profile, tokens: usize, position: usize) -> KernelProfile {
    let last_graph = profile.launches.last().map(|launch| launch.graph);
    let runs = profile.launches.iter().map(|launch| {
        let [bytes, flop] = launch.work.at(position, tokens);
        KernelRun {
            section: match launch.graph {
                0 => ModelSection::BeforeLayers,
                graph if Some(graph) == last_graph => ModelSection::AfterLayers,
                graph => ModelSection::Layer(graph - 1),
            },
            name: launch.kernel.label().into(),
            ms: launch.ms,
            encode_ms: launch.encode_ms,
            bytes,
            flop,
        }
    });
    KernelProfile {
        runs: runs.collect(),
        device_ms: Some(profile.device_ms),
        wall_ms: profile.wall_ms,
    }
}
