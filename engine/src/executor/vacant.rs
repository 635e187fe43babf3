//! Takes an executor's place while a function maps it to another one.

use async_trait::async_trait;

use super::{
    Capabilities, Diagnostics, Executor, SlotSampler, StageTimer, StepChunk, StepInput, StepOutput,
};
use crate::forward::{ForwardError, LogitRows};
use crate::scheduler::Step;

type Result<T> = std::result::Result<T, ForwardError>;

/// Fails every call.
#[derive(Debug)]
pub struct Vacant;

fn vacant<T>() -> Result<T> {
    Err(ForwardError::device("the engine lost its executor"))
}

#[async_trait(?Send)]
impl Executor for Vacant {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn prepare(&mut self, _: &Step, _: &[SlotSampler<'_>]) -> Result<()> {
        vacant()
    }

    fn submit(&mut self, _: StepInput<'_>, _: &mut StageTimer) -> Result<()> {
        vacant()
    }

    async fn wait(&mut self, _: &mut StageTimer) -> Result<StepOutput> {
        vacant()
    }

    fn clear(&mut self) {}

    fn diagnostics(&mut self) -> &mut dyn Diagnostics {
        self
    }

    fn undecorated(self: Box<Self>) -> Box<dyn Executor> {
        self
    }
}

#[async_trait(?Send)]
impl Diagnostics for Vacant {
    async fn warm_up(&mut self, _: &mut dyn FnMut(u64, u64)) -> Result<()> {
        vacant()
    }

    async fn logits(&mut self, _: &[u32], _: usize, _: LogitRows) -> Result<Vec<f32>> {
        vacant()
    }

    async fn residuals(&mut self, _: &[u32]) -> Result<Vec<Vec<f32>>> {
        vacant()
    }

    async fn run_start(&mut self, _: &[StepChunk], _: bool, _: &mut StageTimer) -> Result<()> {
        vacant()
    }
}
