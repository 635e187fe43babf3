//! Loads weights and creates the executor for a model's path.

use llamaglass_shaders::Variant;

use super::Executor;
use super::cpu::CpuExecutor;
use super::gpu::GpuExecutor;
#[cfg(feature = "reference")]
use super::reference::ReferenceExecutor;
#[cfg(not(feature = "reference"))]
use crate::forward::ForwardError;
use crate::forward::device::OpenDevice;
use crate::forward::{ForwardPath, LoadError, LoadWatch, Loader, Shape};
use crate::weights::Checkpoint;

/// An executor with a model's weights.
pub struct Loaded {
    pub executor: Box<dyn Executor>,
    /// Variant of the kernels, on the fast path.
    pub variant: Option<Variant>,
    /// Number of threads that share a step, on the CPU's fast path.
    pub threads: Option<usize>,
}

/// Loads every tensor of `checkpoint` for steps of the given `shape`, of which at most `depth` may be in
/// flight if the executor can have several.
///
/// `watch` books the time, and `progress` receives the number of file bytes loaded so far.
pub async fn load(
    checkpoint: &Checkpoint,
    open: &OpenDevice,
    (shape, depth): (Shape, usize),
    watch: &LoadWatch,
    progress: &mut dyn FnMut(u64),
) -> Result<Loaded, LoadError> {
    let mut loader = Loader::new(checkpoint, open, shape, watch, progress)?;
    let loaded = match shape.path {
        ForwardPath::Fast if open.gpu.is_none() => {
            let executor = CpuExecutor::load(&mut loader, shape).await?;
            Loaded {
                variant: None,
                threads: Some(executor.threads()),
                executor: Box::new(executor),
            }
        }
        ForwardPath::Fast => {
            let executor = GpuExecutor::load(&mut loader, shape, depth).await?;
            Loaded {
                variant: Some(executor.variant()),
                threads: None,
                executor: Box::new(executor),
            }
        }
        #[cfg(feature = "reference")]
        ForwardPath::Reference => Loaded {
            executor: Box::new(ReferenceExecutor::load(&mut loader, shape).await?),
            variant: None,
            threads: None,
        },
        // `choose_path` refuses it.
        #[cfg(not(feature = "reference"))]
        ForwardPath::Reference => return Err(ForwardError::device("no reference path").into()),
    };
    loader.settle().await?;
    Ok(loaded)
}
