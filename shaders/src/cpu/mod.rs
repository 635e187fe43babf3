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

/// Heads of an attention layer.
#[derive(Clone, Copy, Debug)]
pub struct Heads {
    /// K: heads of keys and values.
    pub queries: usize,
    /// K: heads of keys and values.
    pub kv: usize,
    /// D: values per head.
    pub dim: usize,
}

impl Heads {
    /// Number of values in one row of queries, keys and values: (H + 2 K) D.
    pub const fn row(&self) -> usize {
        (self.queries + 2 * self.kv) * self.dim
    }
}
