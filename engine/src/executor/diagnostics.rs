//! Operations of an executor besides steps, for parity, profiles and other measurements.

use async_trait::async_trait;

use super::{KernelProfile, StageTimer, StepChunk};
use crate::forward::{ForwardError, LogitRows, Roofline};

/// Measurements on an idle executor. Those of a sequence use slot 0 and overwrite the cache.
#[async_trait(?Send)]
pub trait Diagnostics {
    /// Runs steps that exercise every kernel, so that the first request does not wait for compilation.
    /// `progress` receives the number of steps done and their total.
    async fn warm_up(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), ForwardError>;

    /// Runs `ids` from `position` on and returns the logits [N, V] of the given rows.
    async fn logits(
        &mut self,
        ids: &[u32],
        position: usize,
        rows: LogitRows,
    ) -> Result<Vec<f32>, ForwardError>;

    /// Runs `ids` from position 0 and returns the residual stream [T, C] after the embedding and after each
    /// block.
    async fn residuals(&mut self, ids: &[u32]) -> Result<Vec<Vec<f32>>, ForwardError>;

    /// Uploads the rows of a step, runs at most the model's first kernel on them, and waits.
    async fn run_start(
        &mut self,
        chunks: &[StepChunk],
        first_kernel: bool,
        timer: &mut StageTimer,
    ) -> Result<(), ForwardError>;

    /// Copies the first `positions` keys and values of a slot to new memory, and drops the copy. Does nothing
    /// if the executor can copy blocks.
    fn copy_slot(&mut self, _slot: usize, _positions: usize, _timer: &mut StageTimer) {}

    /// Runs a step of `ids` from `position` on that computes the logits of its last row, with each kernel timed by
    /// itself. The default is an error.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`] if the executor has no kernels of its own, [`ForwardError::Device`] if it can't time
    /// them or the step does not fit.
    async fn profile(
        &mut self,
        _ids: &[u32],
        _position: usize,
    ) -> Result<KernelProfile, ForwardError> {
        Err(ForwardError::NoPath {
            path: "fast",
            why: "it was loaded for the reference path".into(),
        })
    }

    /// Measures the peak rates of the processor that computes. The default is `None`: the executor has no kernels of
    /// its own, or the engine measures the GPU.
    async fn roofline(&mut self) -> Result<Option<Roofline>, ForwardError> {
        Ok(None)
    }

    /// Returns the number of decode steps captured so far.
    fn captures(&self) -> u64 {
        0
    }
}
