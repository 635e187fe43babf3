//! An executor that runs only the start of each step and samples from random logits.

use std::collections::VecDeque;

use async_trait::async_trait;
use llamaglass_engine::executor::{
    Capabilities, Diagnostics, Executor, HostSamplers, SlotSampler, StageTimer, StepChunk,
    StepInput, StepOutput,
};
use llamaglass_engine::forward::ForwardError;
use llamaglass_engine::scheduler::Step;
use llamaglass_engine::timing::Span;

use super::random_logits::random_logits;

/// Cuts steps short after their upload or the model's first kernel.
#[derive(Debug)]
pub struct Stubbed {
    inner: Box<dyn Executor>,
    vocab: usize,
    /// True if steps run the model's first kernel.
    first_kernel: bool,
    samplers: HostSamplers,
    /// Chunks of the submitted steps, oldest first.
    submitted: VecDeque<Vec<StepChunk>>,
}

impl Stubbed {
    pub fn new(inner: Box<dyn Executor>, vocab: usize, first_kernel: bool) -> Self {
        Self {
            inner,
            vocab,
            first_kernel,
            samplers: HostSamplers::default(),
            submitted: VecDeque::new(),
        }
    }
}

#[async_trait(?Send)]
impl Executor for Stubbed {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            depth: 1,
            chained: false,
            samples_on_device: false,
            ..self.inner.capabilities()
        }
    }

    fn prepare(&mut self, plan: &Step, started: &[SlotSampler<'_>]) -> Result<(), ForwardError> {
        for started in started {
            self.samplers.start(started);
        }
        self.inner.prepare(plan, started)
    }

    fn submit(&mut self, step: StepInput<'_>, _: &mut StageTimer) -> Result<(), ForwardError> {
        for mask in &step.masks {
            self.samplers.constrain(mask);
        }
        self.submitted.push_back(step.chunks);
        Ok(())
    }

    async fn wait(&mut self, timer: &mut StageTimer) -> Result<StepOutput, ForwardError> {
        let Some(chunks) = self.submitted.pop_front() else {
            return self.inner.wait(timer).await;
        };
        let diagnostics = self.inner.diagnostics();
        diagnostics
            .run_start(&chunks, self.first_kernel, timer)
            .await?;
        let mut output = StepOutput::default();
        for chunk in &chunks {
            if let Some(sample) = chunk.sample {
                let mut logits = random_logits(self.vocab, chunk.request, chunk.range.end);
                let token = self
                    .samplers
                    .sample(chunk.slot, &mut logits, sample.logprobs);
                output.tokens.push(token);
            }
        }
        timer.book(Span::Sample);
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
