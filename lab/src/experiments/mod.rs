//! The experiments: for each, its settings, its result, its findings, and where it needs only an engine, its run.

pub mod ablate;
pub mod bare;
pub mod chain;
pub mod kernels;
pub mod ladder;
pub mod lengths;
pub mod load;
pub mod parity;
pub mod simulate;
pub mod stub;
