//! Runs work that a third party's file controls. It may recurse or run without end, or use any amount of memory.

use std::time::Duration;

#[cfg(not(target_arch = "wasm32"))]
use super::budget::{Budget, Exceeded, with_budget};

/// Bytes of stack for work that a third party's file controls. The system only commits the pages that are used.
#[cfg(all(not(target_arch = "wasm32"), target_pointer_width = "64"))]
const UNTRUSTED_STACK: usize = 1 << 30;
/// Bytes of stack in a 32-bit address space, which is too small for more.
#[cfg(all(not(target_arch = "wasm32"), not(target_pointer_width = "64")))]
const UNTRUSTED_STACK: usize = 64 << 20;
/// Limits for such work. A conversation that fits a model has at most a megabyte or two, and values nest only a few
/// levels deep. Most of the stack is reserved for recursion that the budget does not see: dropping nested values.
#[cfg(not(target_arch = "wasm32"))]
const BUDGET: Budget = Budget {
    memory: 256 << 20,
    stack: UNTRUSTED_STACK / 8,
};

/// Reason why the work has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// It exceeded the time limit. Its thread continues, but its result is discarded.
    #[error("it took longer than {} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// It exceeded the memory limit. Its thread is stopped and keeps its memory.
    #[error("it needs more than {} MiB of memory", .0 >> 20)]
    OutOfMemory(usize),
    /// It exceeded the stack limit. Its thread is stopped and keeps its memory.
    #[error("it nests too deeply")]
    StackOverflow,
    /// It panicked.
    #[error("it failed unexpectedly")]
    Panicked,
    /// The system could not create a thread.
    #[error("the system could not create a thread: {0}")]
    NoThread(String),
}

impl RunError {
    /// Returns true if the work may hold a thread forever, so that it must not be retried.
    pub const fn holds_a_thread(&self) -> bool {
        matches!(
            self,
            Self::Timeout(_) | Self::OutOfMemory(_) | Self::StackOverflow
        )
    }
}

/// Runs `work` on a thread with a large stack. Abandons it after `limit`, or when it exceeds the memory or stack
/// budget in a program whose allocator is [`super::BudgetedAllocator`].
///
/// # Errors
/// [`RunError`] if there is no result.
#[cfg(not(target_arch = "wasm32"))]
pub fn run_within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RunError> {
    use std::sync::mpsc::{RecvTimeoutError, channel};

    let (sender, receiver) = channel();
    let limits = sender.clone();
    let on_exceeded = move |exceeded| {
        let error = match exceeded {
            Exceeded::Memory => RunError::OutOfMemory(BUDGET.memory),
            Exceeded::Stack => RunError::StackOverflow,
        };
        // Fails after the time limit, when the receiver is gone.
        let _late = limits.send(Err(error));
    };
    std::thread::Builder::new()
        .name("untrusted".into())
        .stack_size(UNTRUSTED_STACK)
        .spawn(move || {
            let done = with_budget(BUDGET, on_exceeded, work);
            let _late = sender.send(Ok(done));
        })
        .map_err(|error| RunError::NoThread(error.to_string()))?;
    match receiver.recv_timeout(limit) {
        Ok(done) => done,
        Err(RecvTimeoutError::Timeout) => Err(RunError::Timeout(limit)),
        Err(RecvTimeoutError::Disconnected) => Err(RunError::Panicked),
    }
}

/// Runs `work` immediately: a browser's worker has only one thread, and the page can end it.
#[cfg(target_arch = "wasm32")]
pub fn run_within<T>(_: Duration, work: impl FnOnce() -> T) -> Result<T, RunError> {
    Ok(work())
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn work_is_abandoned_when_it_exceeds_memory_limit() {
        let hoard = || {
            let mut all = Vec::new();
            loop {
                all.push(vec![0_u8; 1 << 20]);
                std::hint::black_box(&all);
            }
        };
        let abandoned = run_within(LONG, hoard);
        assert_eq!(abandoned, Err(RunError::OutOfMemory(BUDGET.memory)));
        let at_once = run_within(LONG, || Vec::<u8>::with_capacity(1 << 40).len());
        assert!(at_once.is_err_and(|abandoned| abandoned.holds_a_thread()));
    }

    #[test]
    fn work_is_abandoned_when_recursion_exceeds_stack_limit() {
        fn count(boxed: Box<u64>) -> u64 {
            let next = Box::new(*boxed + 1);
            if *next == u64::MAX {
                return 0;
            }
            count(std::hint::black_box(next)) + *std::hint::black_box(boxed)
        }
        let abandoned = run_within(LONG, || count(Box::new(0)));
        assert_eq!(abandoned, Err(RunError::StackOverflow));
    }

    #[test]
    fn freed_memory_can_be_allocated_again() {
        let waste = || (0..100).map(|_| vec![1_u8; 32 << 20].len()).sum();
        assert_eq!(run_within(LONG, waste), Ok(100 * (32 << 20)));
    }

    #[test]
    fn panic_is_distinguished_from_limit() {
        let panics: fn() -> u8 = || panic!("for the test");
        assert_eq!(run_within(LONG, panics), Err(RunError::Panicked));
    }
}
