//! Helpers that are threads of this process.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use crate::pool::shared::Shared;

/// The helpers of one pool. They end when this is dropped.
pub struct Helpers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Helpers {
    /// Starts a helper for each of the threads but the caller, or as many as the system allows.
    pub fn start(threads: usize) -> Self {
        let shared = Arc::new(Shared::new(threads));
        let started = (1..threads)
            .map_while(|thread| {
                let shared = Arc::clone(&shared);
                Builder::new()
                    .name(format!("compute-{thread}"))
                    .spawn(move || shared.help(thread))
                    .ok()
            })
            .collect();
        Self {
            shared,
            threads: started,
        }
    }

    /// Returns the number of threads, among them the caller.
    pub const fn threads(&self) -> usize {
        self.threads.len() + 1
    }

    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Returns what the helpers hold while they live.
    #[cfg(test)]
    pub const fn state(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Drop for Helpers {
    fn drop(&mut self) {
        self.shared.end();
        for thread in self.threads.drain(..) {
            // A helper catches the panics of jobs, so it does not end with one.
            let _ = thread.join();
        }
    }
}

/// Returns the number of physical cores, or of those that this process may use if that is less.
pub fn default_threads() -> usize {
    num_cpus::get_physical().min(num_cpus::get()).max(1)
}
