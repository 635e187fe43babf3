//! Name of the processor that computes without an adapter.

/// Name of the CPU backend's device, for users.
pub const CPU_NAME: &str = if cfg!(all(target_family = "wasm", target_feature = "simd128")) {
    "CPU (wasm SIMD, 1 thread)"
} else if cfg!(target_family = "wasm") {
    "CPU (wasm, 1 thread)"
} else {
    "CPU"
};
