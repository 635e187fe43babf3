//! The CPU path's model: in this process natively, in a module of its own in a browser.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(not(target_arch = "wasm32"))]
pub use native::{CpuModel, CpuModelBuilder, begin, describe};

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(target_arch = "wasm32")]
pub use browser::{CpuModel, CpuModelBuilder, begin, describe};
