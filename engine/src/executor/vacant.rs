//! Takes an executor's place while a function maps it to another one.

use futures::future::{FutureExt, LocalBoxFuture, ready};

use super::{
    Capabilities, Diagnostics, Executor, SlotSampler, StageTimer, StepChunk, StepInput, StepOutput,
};
use crate::forward::{ForwardError, LogitRows};
use crate::scheduler::Step;

/// Fails every call.
#[derive(Debug)]
pub struct Vacant;

fn vacant() -> ForwardError {
    ForwardError::Device {
        message: "the engine lost its executor".into(),
    }
}

fn failed<'a, T: 'a>() -> LocalBoxFuture<'a, Result<T, ForwardError>> {
    ready(Err(vacant())).boxed_local()
}

impl Executor for Vacant {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn prepare(&mut self, _: &Step, _: &[SlotSampler<'_>]) -> Result<(), ForwardError> {
        Err(vacant())
    }

    fn submit(&mut self, _: StepInput<'_>, _: &mut StageTimer) -> Result<(), ForwardError> {
        Err(vacant())
    }

    fn wait<'a>(
        &'a mut self,
        _: &'a mut StageTimer,
    ) -> LocalBoxFuture<'a, Result<StepOutput, ForwardError>> {
        failed()
    }

    fn clear(&mut self) {}

    fn diagnostics(&mut self) -> &mut dyn Diagnostics {
        self
    }

    fn undecorated(self: Box<Self>) -> Box<dyn Executor> {
        self
    }
}

impl Diagnostics for Vacant {
    fn warm_up<'a>(
        &'a mut self,
        _: &'a mut dyn FnMut(u64, u64),
    ) -> LocalBoxFuture<'a, Result<(), ForwardError>> {
        failed()
    }

    fn logits<'a>(
        &'a mut self,
        _: &'a [u32],
        _: usize,
        _: LogitRows,
    ) -> LocalBoxFuture<'a, Result<Vec<f32>, ForwardError>> {
        failed()
    }

    fn residuals<'a>(
        &'a mut self,
        _: &'a [u32],
    ) -> LocalBoxFuture<'a, Result<Vec<Vec<f32>>, ForwardError>> {
        failed()
    }

    fn run_start<'a>(
        &'a mut self,
        _: &'a [StepChunk],
        _: bool,
        _: &'a mut StageTimer,
    ) -> LocalBoxFuture<'a, Result<(), ForwardError>> {
        failed()
    }
}
