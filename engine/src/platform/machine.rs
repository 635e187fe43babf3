//! What computes where there is no adapter.

/// What the CPU backend runs on, for people.
pub const CPU_NAME: &str = if cfg!(all(target_family = "wasm", target_feature = "simd128")) {
    "CPU (wasm SIMD, 1 thread)"
} else if cfg!(target_family = "wasm") {
    "CPU (wasm, 1 thread)"
} else {
    "CPU"
};

/// The most bytes a model may take on the CPU, where the target has a limit of its own: a 32-bit
/// wasm memory ends at 4 GiB, and the program needs some of it.
pub const MEMORY_LIMIT: Option<u64> = if cfg!(target_family = "wasm") {
    Some(3_500 << 20)
} else {
    None
};
