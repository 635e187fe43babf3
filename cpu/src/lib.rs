//! The Llama's forward pass on a CPU: weights stay quantised, kernels are compiled for several instruction sets,
//! and a pool of threads shares each step.

pub mod pool;
