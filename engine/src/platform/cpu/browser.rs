//! The CPU path's model in a WebAssembly module of its own, whose threads share its memory.

use llamaglass_cpu::{Dimensions, ModelError};
use llamaglass_cpu_host::{Files, default_threads};
use llamaglass_types::InstructionSet;

pub use llamaglass_cpu_host::{CpuModel, CpuModelBuilder};

/// Begins to load a model, for up to `threads` threads (by default one per core if the page is isolated).
///
/// # Errors
/// [`ModelError::InstructionSet`] if `instruction_set` is not WebAssembly's, [`ModelError::Module`] if the module can't
/// be loaded.
pub async fn begin(
    dimensions: Dimensions,
    instruction_set: Option<InstructionSet>,
    threads: Option<usize>,
) -> Result<CpuModelBuilder, ModelError> {
    if let Some(set) = instruction_set.filter(|set| *set != InstructionSet::Simd128) {
        return Err(ModelError::InstructionSet {
            wanted: set.name(),
            available: InstructionSet::Simd128.name().to_owned(),
        });
    }
    let threads = threads.unwrap_or_else(default_threads);
    CpuModelBuilder::begin(&Files::current(), dimensions, threads).await
}

/// Returns the instruction set and the number of threads that [`begin`] would choose.
pub fn describe(_: Option<InstructionSet>, threads: Option<usize>) -> (InstructionSet, usize) {
    let threads = threads.unwrap_or_else(default_threads);
    (InstructionSet::Simd128, threads)
}
