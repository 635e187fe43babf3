//! The CPU path's model in this process.

use llamaglass_cpu::{Dimensions, Kernels, ModelError, Runtime, pool};
use llamaglass_types::InstructionSet;
use llamaglass_types::clock::Stopwatch;
use std::sync::LazyLock;

pub use llamaglass_cpu::{Model as CpuModel, ModelBuilder as CpuModelBuilder};

/// Begins to load a model, for `threads` threads (by default one per physical core) and `instruction_set` (by
/// default the fastest).
///
/// # Errors
/// [`ModelError::InstructionSet`] if this machine lacks it.
pub async fn begin(
    dimensions: Dimensions,
    instruction_set: Option<InstructionSet>,
    threads: Option<usize>,
) -> Result<CpuModelBuilder, ModelError> {
    let threads = threads.unwrap_or_else(pool::default_threads);
    let runtime = Runtime::new(instruction_set, threads, now)?;
    Ok(CpuModelBuilder::new(dimensions, runtime))
}

/// Returns the instruction set and the number of threads that [`begin`] would choose.
pub fn describe(
    instruction_set: Option<InstructionSet>,
    threads: Option<usize>,
) -> (InstructionSet, usize) {
    let set = instruction_set.unwrap_or_else(|| Kernels::best().instruction_set());
    (set, threads.unwrap_or_else(pool::default_threads))
}

fn now() -> f64 {
    static WATCH: LazyLock<Stopwatch> = LazyLock::new(Stopwatch::start);
    WATCH.ms()
}
