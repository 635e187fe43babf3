//! CPU references of the kernels in plain Rust, one file per function.

mod argmax;
mod attention;
mod copy;
mod copy_block;
mod embed;
mod fma;
mod linear;
mod logprobs;
mod rms_norm;
mod rope;
mod sample;
mod subgroup_probe;
mod swiglu;
mod unpack;

use crate::Heads;

pub use argmax::argmax;
pub use attention::attention;
pub use copy::copy;
pub use copy_block::copy_block;
pub use embed::embed;
pub use fma::fma;
pub use linear::linear;
pub use logprobs::{Logprobs, logprobs};
pub use rms_norm::rms_norm;
pub use rope::{Cache, rope};
pub use sample::Sampler;
pub use subgroup_probe::subgroup_probe;
pub use swiglu::swiglu;
pub use unpack::unpack;
