//! Work that recurses.

/// Levels of a JSON schema that may be recursed into: what the stack has room for, many times over in a
/// build that is optimised, and twice in one that is not.
#[cfg(not(target_arch = "wasm32"))]
pub const SCHEMA_LEVELS: usize = 1_000;
/// Levels of a JSON schema that may be recursed into: a browser's stack has 1 MiB.
#[cfg(target_arch = "wasm32")]
pub const SCHEMA_LEVELS: usize = 100;

/// Bytes of it, which are only used as far as they are needed.
#[cfg(not(target_arch = "wasm32"))]
const STACK: usize = 256 << 20;

/// Runs `work` on a stack that is large enough for [`SCHEMA_LEVELS`].
///
/// # Errors
/// Where the system has no thread to give.
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

/// Runs `work` here: a browser's worker is one thread.
///
/// # Errors
/// None: natively there are.
#[cfg(target_arch = "wasm32")]
pub fn on_large_stack<T>(work: impl FnOnce() -> T) -> std::io::Result<T> {
    Ok(work())
}
