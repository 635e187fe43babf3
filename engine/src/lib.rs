//! A Llama engine on burn: the same code in the browser (wasm, WebGPU) and natively (wgpu, CPU),
//! with the time of every step booked by span.

pub mod bytes;
pub mod event;
pub mod forward;
pub mod platform;
pub mod sampling;
pub mod scheduler;
pub mod text;
pub mod timing;
pub mod tokenizer;
pub mod weights;
