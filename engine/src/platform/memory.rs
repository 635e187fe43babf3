//! Memory that this process may still allocate.

#[cfg(not(target_family = "wasm"))]
mod linux;

/// True if a software adapter allocates its buffers in this process. In a browser they belong to another process,
/// about which a page knows nothing.
pub const ADAPTERS_TAKE_OWN_MEMORY: bool = cfg!(not(target_family = "wasm"));

/// Returns the bytes of this process's memory that a model may take; `None` if the system does not say.
///
/// On Linux, this is the minimum of the available memory, what the control groups leave, and what `ulimit` leaves.
#[cfg(not(target_family = "wasm"))]
pub fn available_memory() -> Option<u64> {
    linux::available()
}

/// Returns the bytes of this process's memory that a model may take: a 32-bit wasm memory ends at 4 GiB, and the
/// program itself needs some of it.
#[cfg(target_family = "wasm")]
pub const fn available_memory() -> Option<u64> {
    Some(3_500 << 20)
}
