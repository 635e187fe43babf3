//! A Llama inference engine on burn, with the same code in the browser (wasm, WebGPU) and natively (wgpu,
//! CPU). It books the time of every step by span.

pub mod bytes;
pub mod constraint;
mod engine;
pub mod event;
#[cfg(feature = "compute")]
pub mod executor;
pub mod forward;
pub mod platform;
pub mod sampling;
pub mod scheduler;
pub mod stats;
pub mod text;
pub mod timing;
pub mod tokenizer;
#[cfg(feature = "compute")]
pub mod trace;
pub mod weights;

pub use engine::{
    BackendChoice, EngineError, LoadOptions, LoadPhase, LoadProgress, ModelInfo, TypeCount,
    type_counts,
};
#[cfg(feature = "compute")]
pub use engine::{
    BareRun, DEPTH_MAX, Engine, ModelSource, PreparedRequest, Preparer, memory_ledger, probe,
};
#[cfg(feature = "compute")]
pub use forward::device::adapters;
pub use forward::{Backend, BackendInfo, ForwardPath, KvType, MemoryLedger, Roofline};
pub use llamaglass_shaders::Variant;
