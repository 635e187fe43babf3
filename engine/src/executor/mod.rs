//! Executors compute the steps that the scheduler plans: on a GPU, where several steps are in flight and the
//! device samples, on the CPU, or on the reference path, which computes and samples in turn.
//!
//! The engine runs one loop over [`Executor`]. What differs between devices is in their [`Capabilities`].

mod cpu;
mod diagnostics;
mod gpu;
mod host_samplers;
mod kernel_profile;
mod load;
#[cfg(feature = "reference")]
mod reference;
mod stage_timer;
mod step;
mod vacant;

use std::any::Any;
use std::fmt::Debug;

use async_trait::async_trait;

use crate::forward::ForwardError;
use crate::scheduler::Step;
pub use diagnostics::Diagnostics;
pub use host_samplers::HostSamplers;
pub use kernel_profile::{KernelProfile, KernelRun, ModelSection};
pub(crate) use load::{Loaded, load};
pub use stage_timer::StageTimer;
pub use step::{
    SampleOptions, SampledToken, SlotMask, SlotSampler, StepChunk, StepInput, StepOutput,
    StepResults,
};
pub(crate) use vacant::Vacant;

/// Computes steps for the engine, in the order in which they are submitted.
///
/// A decorator wraps another executor and changes how steps are computed; see
/// [`Engine::map_executor`](crate::Engine::map_executor).
#[async_trait(?Send)]
pub trait Executor: Any + Debug {
    /// Returns what the executor can do. Constant during its lifetime.
    fn capabilities(&self) -> Capabilities;

    /// Copies cache blocks, writes block tables and sets up the samplers of sequences that `started`, before
    /// the step that was planned with them. `plan` may have no rows.
    fn prepare(&mut self, plan: &Step, started: &[SlotSampler<'_>]) -> Result<(), ForwardError>;

    /// Submits a step without waiting for the steps before it. Books the time that this takes.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if ids or positions are out of range, or the device rejects the step.
    fn submit(&mut self, step: StepInput<'_>, timer: &mut StageTimer) -> Result<(), ForwardError>;

    /// Waits for the oldest step in flight and returns its results. Books the time that this takes.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if the device failed or no step is in flight.
    async fn wait(&mut self, timer: &mut StageTimer) -> Result<StepOutput, ForwardError>;

    /// Drops the steps in flight without waiting for them.
    fn clear(&mut self);

    /// Returns what measurements need besides steps.
    fn diagnostics(&mut self) -> &mut dyn Diagnostics;

    /// Removes the outermost decorator. An executor that decorates none returns itself.
    fn undecorated(self: Box<Self>) -> Box<dyn Executor>;
}

/// Properties of an executor that the scheduler and the engine depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Maximum number of running sequences.
    pub slots: usize,
    /// Maximum number of rows per step.
    pub rows: usize,
    /// Row alignment of prefill chunks in a step with several.
    pub tile: usize,
    /// Maximum number of positions per sequence.
    pub context: usize,
    /// Maximum number of steps in flight.
    pub depth: usize,
    /// True if a decode step can begin from the samples of the step before it, before the host knows them.
    pub chained: bool,
    /// True if the device samples, so that the host reads back ids instead of logits.
    pub samples_on_device: bool,
    /// Number of KV cache blocks.
    pub blocks: usize,
    /// Positions per block.
    pub block_size: usize,
    /// True if blocks can be copied, and so shared by sequences with a common prefix. Otherwise each slot has
    /// exactly one block of its own.
    pub copies_blocks: bool,
}

/// Error of [`Executor::wait`] when no step is in flight.
pub(crate) fn nothing_in_flight() -> ForwardError {
    ForwardError::device("no step is in flight")
}
