//! Admission, batching and preemption: selects the running requests and the work of each step.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::blocks::BlockPool;
use super::queue::{QueueEntry, QueueKey, QueuedRequest};
use super::sequence::Sequence;
use super::step::{Admission, ScheduledChunk, Step, TableEntry};
use super::{Policy, RequestId};

/// Maximum number of consecutive prefill steps while sequences wait to decode.
const MAX_PREFILL_STREAK: usize = 8;

/// Limits and settings of the steps that a [`Scheduler`] plans.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Maximum number of running requests.
    pub slots: usize,
    /// Maximum number of rows per step.
    pub rows: usize,
    /// Row alignment of prefill chunks: in a step with several, each begins at a multiple of this.
    pub tile_rows: usize,
    /// True if the device can begin a step from its own samples, before the host knows them.
    pub can_chain: bool,
    /// Policy for sharing steps between prefill and decode.
    pub policy: Policy,
}

/// Schedules requests in order of priority and arrival, and assigns them blocks of the KV cache.
///
/// Pure: the caller reports which chunks were computed and which tokens were sampled, and gets the next step.
/// The same calls always give the same steps.
#[derive(Clone, Debug)]
pub struct Scheduler {
    limits: Limits,
    pool: BlockPool,
    queue: BTreeMap<QueueKey, QueueEntry>,
    /// In order of admission.
    running: Vec<Sequence>,
    /// Requests whose next rows the device can make from its latest samples, in row order.
    chain: Vec<RequestId>,
    /// Number of consecutive prefill steps while sequences waited to decode.
    prefill_streak: usize,
    next_arrival: u64,
}

impl Scheduler {
    /// Creates a scheduler with an empty queue. `pool` must have enough blocks for one sequence of the
    /// maximum length.
    pub fn new(limits: Limits, pool: BlockPool) -> Self {
        Self {
            limits,
            pool,
            queue: BTreeMap::new(),
            running: Vec::new(),
            chain: Vec::new(),
            prefill_streak: 0,
            next_arrival: 0,
        }
    }

    /// Returns the limits on a step.
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// Replaces the limits of later steps. No request may be running.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Adds a request to the queue.
    pub fn submit(&mut self, request: QueuedRequest) {
        let key = (Reverse(request.priority), self.next_arrival);
        self.next_arrival += 1;
        let resumed = false;
        self.queue.insert(key, QueueEntry { request, resumed });
    }

    /// Removes a queued or running request and releases its blocks. Returns false if it is unknown.
    pub fn remove(&mut self, id: RequestId) -> bool {
        if let Some(index) = self.running.iter().position(|seq| seq.request.id == id) {
            let sequence = self.running.remove(index);
            self.pool.release(sequence.table);
            return true;
        }
        let mut queue = self.queue.iter();
        let key = queue.find(|(_, entry)| entry.request.id == id);
        match key.map(|(key, _)| *key) {
            Some(key) => self.queue.remove(&key).is_some(),
            None => false,
        }
    }

    /// Returns the requests whose deadline has passed.
    pub fn expired(&self, now_ms: f64) -> Vec<RequestId> {
        let running = self.running.iter().map(|sequence| &sequence.request);
        let queued = self.queue.values().map(|entry| &entry.request);
        let expired = |request: &&QueuedRequest| request.deadline_ms.is_some_and(|at| at <= now_ms);
        let all = running.chain(queued).filter(expired);
        all.map(|request| request.id).collect()
    }

    /// Number of queued requests.
    pub fn queue_len(&self) -> usize {
        self.queue.len()
    }

    /// Returns the running requests.
    pub fn running(&self) -> impl Iterator<Item = RequestId> {
        self.running.iter().map(|sequence| sequence.request.id)
    }

    /// Returns the pool of KV cache blocks.
    pub const fn pool(&self) -> &BlockPool {
        &self.pool
    }

    /// Returns the tokens of a running request: its prompt, then its samples.
    pub fn tokens(&self, id: RequestId) -> &[u32] {
        let mut running = self.running.iter();
        let sequence = running.find(|sequence| sequence.request.id == id);
        sequence.map_or(&[], |sequence| &sequence.request.tokens)
    }

    /// Clears the prefix cache, so that later prompts are computed from their first token.
    pub fn clear_prefix_cache(&mut self) {
        self.pool.clear();
        self.chain.clear();
    }

    /// Records that a chunk was computed.
    pub fn mark_computed(&mut self, chunk: &ScheduledChunk) {
        let mut running = self.running.iter_mut();
        if let Some(sequence) = running.find(|sequence| sequence.request.id == chunk.request) {
            let tokens = &sequence.request.tokens[..chunk.range.end];
            self.pool.mark_computed(&mut sequence.table, tokens);
        }
    }

    /// Appends a sampled token to a request.
    pub fn push_token(&mut self, id: RequestId, token: u32) {
        let mut running = self.running.iter_mut();
        if let Some(sequence) = running.find(|sequence| sequence.request.id == id) {
            sequence.request.tokens.push(token);
        }
    }

    /// Returns the next step and marks it as submitted.
    ///
    /// `in_flight` says whether earlier steps are still running. The step is empty if no request has work, or
    /// if the next rows depend on the results of steps in flight.
    pub fn plan(&mut self, in_flight: bool) -> Step {
        let mut step = Step::default();
        self.admit(&mut step);
        let prefill = self.running.iter().any(Sequence::is_prefilling);
        let decode = self.running.iter().any(Sequence::is_decoding);
        let (prefill, decode) = match self.limits.policy {
            _ if !(prefill && decode) => (prefill, decode),
            Policy::Balanced => (true, true),
            Policy::PrefillFirst => {
                let prefill = self.prefill_streak < MAX_PREFILL_STREAK;
                (prefill, !prefill)
            }
        };
        if decode {
            // A step with prefill rows takes all its rows from the host.
            let can_chain = self.limits.can_chain && !prefill;
            if !self.plan_decode(can_chain, in_flight, &mut step) {
                return step;
            }
            self.prefill_streak = 0;
        } else {
            self.prefill_streak += 1;
        }
        if prefill {
            self.plan_prefill(&mut step);
        }
        self.mark_submitted(&step);
        step
    }

    /// Moves queued requests to free slots, in queue order, while slots and blocks last.
    fn admit(&mut self, step: &mut Step) {
        while let Some(slot) = self.free_slot()
            && let Some(next) = self.queue.first_key_value()
            && !self.is_prefix_pending(&next.1.request.tokens)
            && let Some(next) = self.queue.first_entry()
            && let Some((table, copy)) = self.pool.admit(&next.get().request.tokens)
        {
            let (key, QueueEntry { request, resumed }) = next.remove_entry();
            let slot = self.pool.slot_of(&table).unwrap_or(slot);
            let reused = self.pool.computed(&table);
            step.admitted.push(Admission {
                request: request.id,
                slot,
                reused,
                resumed,
            });
            step.copies.extend(copy);
            step.write_table(slot, table.blocks.iter().copied());
            self.running.push(Sequence {
                key,
                slot,
                table,
                prompt_len: request.tokens.len(),
                submitted: reused,
                request,
            });
        }
    }

    /// Returns true if a running prefill will compute at least one more block of the prefix of `tokens`, which
    /// is cheaper to wait for than to compute twice.
    fn is_prefix_pending(&self, tokens: &[u32]) -> bool {
        let tokens = &tokens[..tokens.len().saturating_sub(1)];
        let is_ahead = |sequence: &Sequence| {
            let (submitted, theirs) = (sequence.submitted, &sequence.request.tokens);
            let pending = &theirs[submitted..sequence.prompt_len];
            let ours = tokens.get(submitted..).unwrap_or_default();
            let common = ours.iter().zip(pending).take_while(|(a, b)| a == b);
            // Compare the submitted tokens only if the next ones match.
            common.count() >= self.pool.block_size() && tokens[..submitted] == theirs[..submitted]
        };
        let mut prefilling = self.running.iter().filter(|seq| seq.is_prefilling());
        self.pool.shares_blocks() && prefilling.any(is_ahead)
    }

    fn free_slot(&self) -> Option<usize> {
        let free = |slot: &usize| self.running.iter().all(|sequence| sequence.slot != *slot);
        (0..self.limits.slots)
            .find(free)
            .filter(|_| self.running.len() < self.limits.slots)
    }

    fn decoding(&self) -> impl Iterator<Item = &Sequence> {
        self.running
            .iter()
            .filter(|sequence| sequence.is_decoding())
    }

    /// Adds one row per decoding sequence. Returns false if the host does not know the rows yet or if blocks
    /// are missing.
    fn plan_decode(&mut self, can_chain: bool, in_flight: bool, step: &mut Step) -> bool {
        let must_wait =
            |sequence: &Sequence| sequence.request.waits_for_samples && sequence.awaits_sample();
        let chained = can_chain
            && !self.decoding().any(must_wait)
            && self
                .decoding()
                .map(|sequence| sequence.request.id)
                .eq(self.chain.iter().copied());
        if !chained && self.decoding().any(Sequence::awaits_sample) {
            return false;
        }
        if !self.allocate_decode_blocks(in_flight, step) {
            return false;
        }
        step.decode
            .extend(self.decoding().map(|sequence| ScheduledChunk {
                request: sequence.request.id,
                slot: sequence.slot,
                range: sequence.submitted..sequence.submitted + 1,
                samples: true,
            }));
        // Preemption changes the rows. It happens only with nothing in flight, so the host knows all tokens.
        step.chained = chained && step.preempted.is_empty();
        true
    }

    /// Gives each decoding sequence a block for its next row, in queue order. If blocks run out, preempts the
    /// newest sequences, or returns false while steps are in flight.
    fn allocate_decode_blocks(&mut self, in_flight: bool, step: &mut Step) -> bool {
        let is_full = |pool: &BlockPool, sequence: &Sequence| {
            sequence.is_decoding() && pool.capacity(&sequence.table) <= sequence.submitted
        };
        loop {
            let Self { running, pool, .. } = self;
            let full = running.iter_mut().filter(|seq| is_full(pool, seq));
            let Some(first) = full.min_by_key(|sequence| sequence.key) else {
                return true;
            };
            if pool.append_block(&mut first.table) {
                let index = first.table.blocks.len() - 1;
                step.table_entries.push(TableEntry {
                    slot: first.slot,
                    index,
                    block: first.table.blocks[index],
                });
                continue;
            }
            if in_flight {
                return false;
            }
            self.preempt_newest(step);
        }
    }

    /// Puts the running request that is last in queue order back into the queue. Once admitted again, it
    /// recomputes the tokens that are no longer cached.
    fn preempt_newest(&mut self, step: &mut Step) {
        let all = self.running.iter().enumerate();
        let Some((last, _)) = all.max_by_key(|(_, sequence)| sequence.key) else {
            return;
        };
        let Sequence {
            request,
            key,
            slot,
            table,
            ..
        } = self.running.remove(last);
        self.pool.release(table);
        step.table_entries.retain(|entry| entry.slot != slot);
        step.preempted.push(request.id);
        let resumed = true;
        self.queue.insert(key, QueueEntry { request, resumed });
    }

    /// Adds prefill chunks in queue order, in the rows that decoding leaves free.
    fn plan_prefill(&mut self, step: &mut Step) {
        let free_rows = self.limits.rows.saturating_sub(step.decode.len()).max(1);
        let mut used = 0usize;
        let prefilling = self.running.iter().filter(|seq| seq.is_prefilling());
        let mut prefilling: Vec<&Sequence> = prefilling.collect();
        prefilling.sort_by_key(|sequence| sequence.key);
        for sequence in prefilling {
            let first = used.next_multiple_of(self.limits.tile_rows.max(1));
            let chunk = sequence.next_chunk(free_rows.saturating_sub(first));
            if chunk.range.is_empty() {
                return;
            }
            used = first + chunk.range.len();
            step.prefill.push(chunk);
        }
    }

    fn mark_submitted(&mut self, step: &Step) {
        if step.is_empty() {
            return;
        }
        for chunk in step.chunks() {
            let mut running = self.running.iter_mut();
            if let Some(sequence) = running.find(|seq| seq.request.id == chunk.request) {
                sequence.submitted = chunk.range.end;
            }
        }
        // Prompts can be shared before they are computed: the device runs steps in order.
        for chunk in &step.prefill {
            self.mark_computed(chunk);
        }
        self.chain.clear();
        // The device makes the next rows if the step has decode rows only, or a single sample.
        if step.sample_count() == 1 || step.prefill.is_empty() {
            let sampling = step.chunks().filter(|chunk| chunk.samples);
            self.chain.extend(sampling.map(|chunk| chunk.request));
        }
    }
}
