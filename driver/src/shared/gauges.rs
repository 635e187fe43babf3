//! Load of an engine, readable from any thread at any time.

use std::sync::atomic::{AtomicUsize, Ordering};

use llamaglass_engine::Engine;

/// Load of an engine as of its last step.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Queued requests.
    pub waiting: AtomicUsize,
    /// Running requests.
    pub running: AtomicUsize,
    /// KV cache blocks that requests hold.
    pub blocks_used: AtomicUsize,
    /// KV cache blocks in total.
    pub blocks: AtomicUsize,
    /// Open responses: those that have not been dropped.
    pub(super) open: AtomicUsize,
    /// Bytes of events that no caller has read yet.
    pub(super) unread: AtomicUsize,
}

impl Gauges {
    /// Copies the engine's current figures.
    pub(super) fn set(&self, engine: &Engine) {
        let (waiting, running) = engine.load_now();
        let (used, all) = engine.blocks();
        self.waiting.store(waiting, Ordering::Relaxed);
        self.running.store(running, Ordering::Relaxed);
        self.blocks_used.store(used, Ordering::Relaxed);
        self.blocks.store(all, Ordering::Relaxed);
    }
}
