//! What each kernel computes, in plain Rust: a file a kernel, of the same name.

mod argmax;

pub use argmax::argmax;
