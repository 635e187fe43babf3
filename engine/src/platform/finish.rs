//! Letting a device finish what nobody waits for any more.

/// Runs `future` to its end: here and now.
#[cfg(not(target_arch = "wasm32"))]
pub fn finish(future: impl Future<Output = ()> + 'static) {
    pollster::block_on(future);
}

/// Runs `future` to its end: in the background, since a browser's thread may not block.
#[cfg(target_arch = "wasm32")]
pub fn finish(future: impl Future<Output = ()> + 'static) {
    wasm_bindgen_futures::spawn_local(future);
}
