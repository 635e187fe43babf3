//! How much an engine has to do, as others may read it at any time.

use std::sync::atomic::{AtomicUsize, Ordering};

use llamaglass_engine::Engine;

/// How much an engine has to do, as of its last step.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Requests that wait for their turn.
    pub waiting: AtomicUsize,
    /// Requests that are answered.
    pub running: AtomicUsize,
    /// Blocks of the KV cache that requests hold.
    pub blocks_used: AtomicUsize,
    /// Blocks of the KV cache.
    pub blocks: AtomicUsize,
    /// Answers that were asked for, and not read to their end or given up yet.
    pub(super) open: AtomicUsize,
    /// Bytes of events that no asker has read yet.
    pub(super) unread: AtomicUsize,
}

impl Gauges {
    /// Takes over the engine's figures.
    pub(super) fn set(&self, engine: &Engine) {
        let (waiting, running) = engine.load_now();
        let (used, all) = engine.blocks();
        self.waiting.store(waiting, Ordering::Relaxed);
        self.running.store(running, Ordering::Relaxed);
        self.blocks_used.store(used, Ordering::Relaxed);
        self.blocks.store(all, Ordering::Relaxed);
    }
}
