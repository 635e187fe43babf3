//! A Llama engine on burn: the same code in the browser (wasm, WebGPU) and natively (wgpu, CPU),
//! with the time of every step booked by span.

pub mod bytes;
mod engine;
pub mod event;
pub mod forward;
pub mod parity;
pub mod platform;
pub mod sampling;
pub mod scheduler;
pub mod stats;
pub mod text;
pub mod timing;
pub mod tokenizer;
pub mod weights;

pub use engine::{
    BackendChoice, Engine, EngineError, LoadOptions, LoadPhase, LoadProgress, ModelInfo, TypeCount,
    memory_ledger, probe, type_counts,
};
pub use forward::device::{Backend, BackendInfo};
pub use forward::{ForwardPath, MemoryLedger};
