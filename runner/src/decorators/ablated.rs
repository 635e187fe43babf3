//! An executor that is slower on purpose.

use std::collections::VecDeque;

use async_trait::async_trait;
use llamaglass_engine::executor::{
    Capabilities, Diagnostics, Executor, HostSamplers, SlotSampler, StageTimer, StepChunk,
    StepInput, StepOutput, StepResults,
};
use llamaglass_engine::forward::ForwardError;
use llamaglass_engine::scheduler::{BlockCopy, BlockId, BlockPool, NULL_BLOCK, Step, TableEntry};
use llamaglass_engine::timing::{PartTimes, Span};

use super::Ablations;
use super::eager_logs::EagerLogger;

/// Adds ablations to an executor.
#[derive(Debug)]
pub struct Ablated {
    inner: Box<dyn Executor>,
    ablations: Ablations,
    vocab: usize,
    logger: Option<EagerLogger>,
    samplers: HostSamplers,
    slots: Vec<Slot>,
    submitted: VecDeque<SubmittedStep>,
}

/// The sequence in a slot.
#[derive(Debug, Default)]
struct Slot {
    /// Its cache blocks.
    blocks: Vec<BlockId>,
    /// True once its prompt was padded.
    is_padded: bool,
}

#[derive(Debug)]
struct SubmittedStep {
    /// Number of steps of padding that were submitted before it.
    padding_steps: usize,
    chunks: Vec<StepChunk>,
}

impl Ablated {
    pub fn new(inner: Box<dyn Executor>, vocab: usize, ablations: Ablations) -> Self {
        Self {
            inner,
            ablations,
            vocab,
            logger: ablations.eager_logs.map(EagerLogger::new),
            samplers: HostSamplers::default(),
            slots: Vec::new(),
            submitted: VecDeque::new(),
        }
    }

    pub const fn ablations(&self) -> Ablations {
        self.ablations
    }

    pub fn inner(&self) -> &dyn Executor {
        &*self.inner
    }

    fn slot(&mut self, slot: usize) -> &mut Slot {
        let count = self.slots.len().max(slot + 1);
        self.slots.resize_with(count, Slot::default);
        &mut self.slots[slot]
    }

    /// Submits steps that compute padding behind the prompts whose last chunk is in `step`, up to `pad_to`
    /// positions. Returns their number.
    fn submit_padding(
        &mut self,
        pad_to: usize,
        step: &StepInput<'_>,
        timer: &mut StageTimer,
    ) -> Result<usize, ForwardError> {
        let Capabilities {
            rows,
            context,
            copies_blocks,
            ..
        } = self.inner.capabilities();
        let mut count = 0;
        for chunk in step.chunks.iter().filter(|chunk| chunk.sample.is_some()) {
            let slot = self.slot(chunk.slot);
            if std::mem::replace(&mut slot.is_padded, true) {
                continue;
            }
            let (mut position, end) = (chunk.range.end, pad_to.min(context));
            if copies_blocks && position < end {
                // Padding behind the sequence's own blocks is written to the null block, since it is never read.
                let behind = slot.blocks.len()..step.pool.blocks_for(end);
                let entry = |index| TableEntry {
                    slot: chunk.slot,
                    index,
                    block: NULL_BLOCK,
                };
                let plan = Step {
                    table_entries: behind.map(entry).collect(),
                    ..Step::default()
                };
                self.inner.prepare(&plan, &[])?;
            }
            while position < end {
                let range = position..end.min(position + rows);
                position = range.end;
                let padding = StepChunk {
                    token_ids: vec![0; range.len()],
                    range,
                    sample: None,
                    ..*chunk
                };
                let padding = StepInput::new(vec![padding], step.pool);
                self.inner.submit(padding, timer)?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Copies the cached keys and values of the sequences that decode in `step`.
    fn copy_caches(
        &mut self,
        step: &StepInput<'_>,
        timer: &mut StageTimer,
    ) -> Result<(), ForwardError> {
        let decode = |chunk: &&StepChunk| chunk.range.len() == 1 && chunk.range.start > 0;
        for StepChunk { slot, range, .. } in step.chunks.iter().filter(decode) {
            if self.inner.capabilities().copies_blocks {
                let count = step.pool.blocks_for(range.start);
                let copies = self.copies(*slot, count, step.pool);
                let plan = Step {
                    copies,
                    ..Step::default()
                };
                self.inner.prepare(&plan, &[])?;
                timer.book(Span::Plan);
            } else {
                let diagnostics = self.inner.diagnostics();
                diagnostics.copy_slot(*slot, range.start, timer);
            }
        }
        Ok(())
    }

    /// Returns copies of the first `count` blocks of a slot to blocks that hold nothing.
    fn copies(&self, slot: usize, count: usize, pool: &BlockPool) -> Vec<BlockCopy> {
        let Some(Slot { blocks, .. }) = self.slots.get(slot) else {
            return Vec::new();
        };
        let is_used = |block: &BlockId| self.slots.iter().any(|slot| slot.blocks.contains(block));
        let empty = pool.empty_blocks().filter(|block| !is_used(block));
        let mut empty: Vec<BlockId> = empty.take(count).collect();
        if empty.is_empty() {
            empty.push(NULL_BLOCK);
        }
        // Where few blocks are empty, later copies overwrite earlier ones.
        let targets = empty.iter().cycle();
        let copies = blocks.iter().take(count).zip(targets);
        copies
            .map(|(from, to)| BlockCopy {
                from: *from,
                to: *to,
            })
            .collect()
    }
}

#[async_trait(?Send)]
impl Executor for Ablated {
    fn capabilities(&self) -> Capabilities {
        let inner = self.inner.capabilities();
        let Ablations {
            pad_to,
            host_pick,
            readback_depth,
            ..
        } = self.ablations;
        Capabilities {
            slots: if pad_to.is_some() { 1 } else { inner.slots },
            depth: match readback_depth {
                _ if host_pick => 1,
                Some(depth) => depth,
                None => inner.depth,
            },
            chained: inner.chained && !host_pick,
            samples_on_device: inner.samples_on_device && !host_pick,
            ..inner
        }
    }

    fn prepare(&mut self, plan: &Step, started: &[SlotSampler<'_>]) -> Result<(), ForwardError> {
        for started in started {
            *self.slot(started.slot) = Slot::default();
            self.samplers.start(started);
        }
        for entry in &plan.table_entries {
            let blocks = &mut self.slot(entry.slot).blocks;
            blocks.resize(blocks.len().max(entry.index + 1), NULL_BLOCK);
            blocks[entry.index] = entry.block;
        }
        self.inner.prepare(plan, started)
    }

    fn submit(
        &mut self,
        mut step: StepInput<'_>,
        timer: &mut StageTimer,
    ) -> Result<(), ForwardError> {
        let Ablations {
            pad_to,
            concatenated_cache,
            host_pick,
            no_replay,
            ..
        } = self.ablations;
        if let Some(logger) = &mut self.logger {
            logger.log(&step.chunks, timer);
        }
        let padding_steps = match pad_to {
            Some(pad_to) => self.submit_padding(pad_to, &step, timer)?,
            None => 0,
        };
        if concatenated_cache {
            self.copy_caches(&step, timer)?;
        }
        step.replays &= !no_replay;
        if host_pick {
            for mask in &step.masks {
                self.samplers.constrain(mask);
            }
            step.results = StepResults::Logits;
        }
        self.submitted.push_back(SubmittedStep {
            padding_steps,
            chunks: step.chunks.clone(),
        });
        self.inner.submit(step, timer)
    }

    async fn wait(&mut self, timer: &mut StageTimer) -> Result<StepOutput, ForwardError> {
        let Some(step) = self.submitted.pop_front() else {
            return self.inner.wait(timer).await;
        };
        let mut padding_ms = 0.0;
        let mut padding_parts = PartTimes::default();
        for _ in 0..step.padding_steps {
            self.inner.wait(timer).await?;
            padding_ms += timer.device().map_or(0.0, |timing| timing.forward_ms);
            padding_parts.merge(&timer.parts().unwrap_or_default());
        }
        let mut output = self.inner.wait(timer).await?;
        if let Some(mut timing) = timer.device().filter(|_| step.padding_steps > 0) {
            timing.forward_ms += padding_ms;
            timer.set_device(Some(timing));
        }
        timer.merge_parts(&padding_parts);
        if self.ablations.host_pick && !output.logits.is_empty() {
            let rows = output.logits.chunks_exact_mut(self.vocab);
            let sampling = step.chunks.iter();
            let sampling = sampling.filter_map(|chunk| Some((chunk.slot, chunk.sample?)));
            for ((slot, sample), logits) in sampling.zip(rows) {
                let token = self.samplers.sample(slot, logits, sample.logprobs);
                output.tokens.push(token);
            }
            timer.book(Span::Sample);
        }
        if let Some(logger) = &mut self.logger {
            logger.record(&step.chunks, &output.tokens);
        }
        Ok(output)
    }

    fn clear(&mut self) {
        self.submitted.clear();
        self.inner.clear();
    }

    fn diagnostics(&mut self) -> &mut dyn Diagnostics {
        self.inner.diagnostics()
    }

    fn undecorated(self: Box<Self>) -> Box<dyn Executor> {
        self.inner
    }
}
