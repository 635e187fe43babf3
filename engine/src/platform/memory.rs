//! Memory that this program may still take.

#[cfg(not(target_family = "wasm"))]
mod linux;

/// True where a software adapter takes its buffers from this program's own memory. A browser's adapter takes
/// them from another process, about which a page knows nothing.
pub const ADAPTERS_TAKE_OWN_MEMORY: bool = cfg!(not(target_family = "wasm"));

/// Bytes of this program's memory that a model may take; `None` where the system does not tell.
///
/// On Linux, the least of the memory that is available, the memory that the control groups leave, and the
/// address space that `ulimit` leaves.
#[cfg(not(target_family = "wasm"))]
pub fn available_memory() -> Option<u64> {
    linux::available()
}

/// Bytes of this program's memory that a model may take: a 32-bit wasm memory ends at 4 GiB, and the program
/// needs some of it.
#[cfg(target_family = "wasm")]
pub const fn available_memory() -> Option<u64> {
    Some(3_500 << 20)
}
