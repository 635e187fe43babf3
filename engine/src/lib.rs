//! A Llama inference engine on burn, with the same code in the browser (wasm, WebGPU) and natively (wgpu, CPU). It
//! times every step by span.
//!
//! An [`Engine`] owns one model on one device. Submit requests, then call [`Engine::step`] until it is idle:
//!
//! ```no_run
#![doc = include_str!("../examples/chat.rs")]
//! ```
//!
//! The engine reports through [`event`] and [`timing`]. Its steps are computed by an
//! [`Executor`](executor::Executor).

pub mod bytes;
pub mod constraint;
mod engine;
pub mod executor;
pub mod forward;
pub mod platform;
pub mod sampling;
pub mod scheduler;
pub mod text;
pub mod tokenizer;
pub mod trace;
pub mod weights;

pub use engine::{
    BareRun, DEPTH_MAX, Engine, EngineError, ModelSource, PreparedRequest, Preparer, memory_ledger,
    probe, type_counts,
};
pub use forward::device::adapters;
pub use llamaglass_types::{
    Activations, Backend, BackendChoice, BackendInfo, ForwardPath, Input, InstructionSet, KvType,
    LoadOptions, LoadPhase, LoadProgress, MAX_THREADS, MemoryLedger, MemoryRate, Message,
    ModelInfo, Request, Roofline, ThreadRates, TypeCount, Variant, describe_cpu, event, stats,
    thread_count, timing,
};
