//! Runs the lab's measurements on an engine: benchmarks, experiments, and parity with reference results.
//!
//! The crate `llamaglass-lab` describes the settings and results; here is the code that needs an engine.

pub mod ablate;
pub mod answers;
pub mod bare;
pub mod bench;
pub mod chain;
pub mod decorators;
mod experiment;
pub mod fixed_cost;
pub mod kernels;
pub mod lengths;
pub mod load;
pub mod logits;
pub mod parity;
pub mod simulate;

pub use experiment::EngineExperiment;
