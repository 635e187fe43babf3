//! Work beside the thread that asks for it.

/// Runs `work` on a thread of the pool that the CPU backend computes on.
#[cfg(not(target_arch = "wasm32"))]
pub fn in_background(work: impl FnOnce() + Send + 'static) {
    rayon::spawn(work);
}

/// Runs `work` here: a browser's worker is one thread.
#[cfg(target_arch = "wasm32")]
pub fn in_background(work: impl FnOnce() + 'static) {
    work();
}
