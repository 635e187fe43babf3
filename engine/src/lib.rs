//! A Llama inference engine on burn, with the same code in the browser (wasm, WebGPU) and natively (wgpu,
//! CPU). It books the time of every step by span.

pub mod bytes;
pub mod constraint;
mod engine;
pub mod forward;
pub mod platform;
pub mod sampling;
pub mod scheduler;
pub mod text;
pub mod tokenizer;
pub mod trace;
pub mod weights;

pub use engine::{
    Ablations, BareRun, EagerLogs, Engine, EngineError, PreparedRequest, Preparer, memory_ledger,
    probe, type_counts,
};
pub use forward::device::adapters;
pub use llamaglass_types::{
    Backend, BackendChoice, BackendInfo, ForwardPath, KvType, LoadOptions, LoadPhase, LoadProgress,
    MemoryLedger, ModelInfo, Roofline, StubLevel, TypeCount, Variant, event, stats, stub_answer,
    timing,
};
