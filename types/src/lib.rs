//! Describes an engine without computing: requests and settings, events, timings, statistics, models and backends.
//!
//! The page, servers and reports use these types; only programs that run a model link the engine itself.

mod backend;
#[cfg(feature = "clock")]
pub mod clock;
mod config;
mod cpu;
pub mod event;
mod model;
mod names;
mod options;
mod request;
mod roofline;
mod sampling_options;
pub mod stats;
pub mod timing;

pub use backend::{Backend, BackendInfo, MemoryLedger, limit};
pub use config::{ModelConfig, RopeConfig, RopeLayout, RopeScaling};
pub use cpu::{Activations, InstructionSet, MAX_THREADS, describe_cpu, thread_count};
pub use llamaglass_shaders::Variant;
pub use model::{ModelInfo, TypeCount};
pub use names::unknown_name;
pub use options::{
    BackendChoice, ForwardPath, KvType, LoadOptions, LoadPhase, LoadProgress, Policy,
};
pub use request::{Input, Message, OutputFormat, Request, RequestId};
pub use roofline::{MemoryRate, Roofline, ThreadRates};
pub use sampling_options::{SamplingOptions, SettingError};
