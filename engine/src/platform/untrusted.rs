//! Work that may recurse without end, never end, or take any amount of memory, because a file of somebody else
//! decides on it.

use std::time::Duration;

#[cfg(not(target_arch = "wasm32"))]
use super::budget::{Budget, Spent, with_budget};

/// Bytes of stack for work that somebody else's file decides on. The system gives memory only as far as it is
/// used.
#[cfg(all(not(target_arch = "wasm32"), target_pointer_width = "64"))]
const UNTRUSTED_STACK: usize = 1 << 30;
/// A 32-bit address space has no room for more.
#[cfg(all(not(target_arch = "wasm32"), not(target_pointer_width = "64")))]
const UNTRUSTED_STACK: usize = 64 << 20;
/// What such work may take. A conversation that fits a model is shorter than a megabyte or two, and values nest
/// some levels deep. Most of the stack is for what the budget does not see: taking apart what is nested.
#[cfg(not(target_arch = "wasm32"))]
const BUDGET: Budget = Budget {
    memory: 256 << 20,
    stack: UNTRUSTED_STACK / 8,
};

/// Reasons for work to have no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GivenUp {
    /// It was still running after its time. Its thread goes on, and nobody waits for it any more.
    #[error("it did not end within {} s", .0.as_secs_f64())]
    TooLong(Duration),
    /// It asked for more memory than it may have. Its thread stands still and keeps what it holds.
    #[error("it needs more than {} MiB of memory", .0 >> 20)]
    TooMuchMemory(usize),
    /// It nested deeper than the stack that it may have. Its thread stands still, too.
    #[error("it nests too deep")]
    TooDeep,
    /// It panicked.
    #[error("it failed unexpectedly")]
    Panicked,
    /// The system has no thread to give.
    #[error("the system has no thread for it: {0}")]
    NoThread(String),
}

impl GivenUp {
    /// Returns true if the work holds a thread for ever, so that it must not be tried again.
    pub const fn holds_a_thread(&self) -> bool {
        matches!(
            self,
            Self::TooLong(_) | Self::TooMuchMemory(_) | Self::TooDeep
        )
    }
}

/// Runs `work` on a thread with a large stack, and gives it up after `limit`, or when it asks for too much memory
/// or stack in a program whose allocator is [`super::BudgetedAllocator`].
///
/// # Errors
/// [`GivenUp`].
#[cfg(not(target_arch = "wasm32"))]
pub fn run_within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, GivenUp> {
    use std::sync::mpsc::{RecvTimeoutError, channel};

    let (sender, receiver) = channel();
    let told = sender.clone();
    let spent = move |spent| {
        let given_up = match spent {
            Spent::Memory => GivenUp::TooMuchMemory(BUDGET.memory),
            Spent::Stack => GivenUp::TooDeep,
        };
        // After the limit nobody listens.
        let _late = told.send(Err(given_up));
    };
    std::thread::Builder::new()
        .name("untrusted".into())
        .stack_size(UNTRUSTED_STACK)
        .spawn(move || {
            let done = with_budget(BUDGET, spent, work);
            let _late = sender.send(Ok(done));
        })
        .map_err(|error| GivenUp::NoThread(error.to_string()))?;
    match receiver.recv_timeout(limit) {
        Ok(done) => done,
        Err(RecvTimeoutError::Timeout) => Err(GivenUp::TooLong(limit)),
        Err(RecvTimeoutError::Disconnected) => Err(GivenUp::Panicked),
    }
}

/// Runs `work` here: a browser's worker is one thread, which the page can end.
///
/// # Errors
/// None: natively there are.
#[cfg(target_arch = "wasm32")]
pub fn run_within<T>(_: Duration, work: impl FnOnce() -> T) -> Result<T, GivenUp> {
    Ok(work())
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn work_that_asks_for_too_much_memory_is_given_up() {
        let hoard = || {
            let mut all = Vec::new();
            loop {
                all.push(vec![0_u8; 1 << 20]);
                std::hint::black_box(&all);
            }
        };
        let given_up = run_within(LONG, hoard);
        assert_eq!(given_up, Err(GivenUp::TooMuchMemory(BUDGET.memory)));
        let at_once = run_within(LONG, || Vec::<u8>::with_capacity(1 << 40).len());
        assert!(at_once.is_err_and(|given_up| given_up.holds_a_thread()));
    }

    #[test]
    fn recursion_without_end_is_given_up() {
        fn count(boxed: Box<u64>) -> u64 {
            let next = Box::new(*boxed + 1);
            if *next == u64::MAX {
                return 0;
            }
            count(std::hint::black_box(next)) + *std::hint::black_box(boxed)
        }
        let given_up = run_within(LONG, || count(Box::new(0)));
        assert_eq!(given_up, Err(GivenUp::TooDeep));
    }

    #[test]
    fn memory_that_was_given_back_may_be_taken_again() {
        let waste = || (0..100).map(|_| vec![1_u8; 32 << 20].len()).sum();
        assert_eq!(run_within(LONG, waste), Ok(100 * (32 << 20)));
    }

    #[test]
    fn a_panic_is_told_from_a_limit() {
        let panics: fn() -> u8 = || panic!("for the test");
        assert_eq!(run_within(LONG, panics), Err(GivenUp::Panicked));
    }
}
