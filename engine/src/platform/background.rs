//! Work in the background of the calling thread.

/// Runs `work` on the CPU backend's thread pool.
#[cfg(not(target_arch = "wasm32"))]
pub fn in_background(work: impl FnOnce() + Send + 'static) {
    rayon::spawn(work);
}

/// Runs `work` immediately, because a browser's worker has only one thread.
#[cfg(target_arch = "wasm32")]
pub fn in_background(work: impl FnOnce() + 'static) {
    work();
}
