//! The CPU path as a WebAssembly module of its own.
//!
//! The page's engine can't share its memory with other threads, because WebGPU's objects belong to one. This module
//! can: its caller is thread 0, and helpers are instances of the same module in workers, on the same memory.
//!
//! The interface has numbers only. Whatever is longer is in this module's memory: the caller gets space with
//! `allocate`, writes to it and passes its address. Functions that can fail return 1, and
//! `message` then says why. Only `help`, `fail` and
//! `stack_top` may be called by other threads than the caller's.

#![cfg(target_arch = "wasm32")]

mod failure;
mod helpers;
mod memory;
mod model;
