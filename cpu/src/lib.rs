//! The Llama's forward pass on a CPU: weights stay quantised, kernels are compiled for several instruction sets,
//! and a pool of threads shares each step.

mod activations;
mod cache;
mod kernels;
mod matrix;
mod model;
pub mod pool;
mod roofline;
mod split;
#[cfg(test)]
mod testing;
mod vector;
pub mod wire;
mod work;

pub use kernels::Kernels;
pub use model::{
    Capacity, Dimensions, KernelName, KernelTime, LayerTensor, Model, ModelBuilder, ModelError,
    Projection, Row, Runtime, Tensor,
};
