//! What parity, profiles and other measurements need of an executor besides steps.

use futures::future::{FutureExt, LocalBoxFuture, ready};

use super::{StageTimer, StepChunk};
use crate::forward::gpu::Profile;
use crate::forward::{ForwardError, LogitRows};

/// Measurements on an idle executor. Those of a sequence use slot 0 and overwrite the cache.
pub trait Diagnostics {
    /// Runs steps that exercise every kernel, so that the first request does not wait for compilation.
    /// `progress` receives the number of steps done and their total.
    fn warm_up<'a>(
        &'a mut self,
        progress: &'a mut dyn FnMut(u64, u64),
    ) -> LocalBoxFuture<'a, Result<(), ForwardError>>;

    /// Runs `ids` from `position` on and returns the logits [N, V] of the given rows.
    fn logits<'a>(
        &'a mut self,
        ids: &'a [u32],
        position: usize,
        rows: LogitRows,
    ) -> LocalBoxFuture<'a, Result<Vec<f32>, ForwardError>>;

    /// Runs `ids` from position 0 and returns the residual stream [T, C] after the embedding and after each
    /// block.
    fn residuals<'a>(
        &'a mut self,
        ids: &'a [u32],
    ) -> LocalBoxFuture<'a, Result<Vec<Vec<f32>>, ForwardError>>;

    /// Uploads the rows of a step, runs at most the model's first kernel on them, and waits.
    fn run_start<'a>(
        &'a mut self,
        chunks: &'a [StepChunk],
        first_kernel: bool,
        timer: &'a mut StageTimer,
    ) -> LocalBoxFuture<'a, Result<(), ForwardError>>;

    /// Copies the first `positions` keys and values of a slot to new memory, and drops the copy. Does nothing
    /// if the executor can copy blocks.
    fn copy_slot(&mut self, _slot: usize, _positions: usize, _timer: &mut StageTimer) {}

    /// Runs a step of `ids` from `position` on, with each launch timed by itself. The default is an error.
    fn profile<'a>(
        &'a mut self,
        _ids: &'a [u32],
        _position: usize,
    ) -> LocalBoxFuture<'a, Result<Profile, ForwardError>> {
        let error = ForwardError::NoPath {
            path: "fast",
            why: "it was loaded for the reference path".into(),
        };
        ready(Err(error)).boxed_local()
    }

    /// Returns the number of decode steps captured so far.
    fn captures(&self) -> u64 {
        0
    }
}
