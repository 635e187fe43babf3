//! A large stack for recursive work.

/// Maximum nesting levels of a JSON schema. The stack has room for many times as many in an optimized build, and
/// for twice as many in an unoptimized one.
#[cfg(not(target_arch = "wasm32"))]
pub const SCHEMA_LEVELS: usize = 1_000;
/// Maximum nesting levels of a JSON schema; a browser's stack has 1 MiB.
#[cfg(target_arch = "wasm32")]
pub const SCHEMA_LEVELS: usize = 100;

/// Bytes of stack; the system only commits the pages that are used.
#[cfg(not(target_arch = "wasm32"))]
const STACK: usize = 256 << 20;

/// Runs `work` on a stack that is large enough for [`SCHEMA_LEVELS`].
///
/// # Errors
/// If the system cannot create a thread, or `work` panics.
#[cfg(not(target_arch = "wasm32"))]
pub fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("schema".into())
            .stack_size(STACK)
            .spawn_scoped(scope, work)?;
        thread
            .join()
            .map_err(|_| std::io::Error::other("it made the compiler panic"))
    })
}

/// Runs `work` on the current stack, because a browser's worker has only one thread.
#[cfg(target_arch = "wasm32")]
pub fn on_large_stack<T>(work: impl FnOnce() -> T) -> std::io::Result<T> {
    Ok(work())
}
