//! Admission, batching and preemption: which requests run, and what each step computes.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::blocks::BlockPool;
use super::running::Running;
use super::step::{Admitted, Lack, Part, Step, TableEntry};
use super::{Policy, RequestId};

/// Maximum number of consecutive prefill steps while sequences wait to decode.
const PATIENCE: usize = 8;

/// Limits and settings of the steps that a [`Scheduler`] plans.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Maximum number of running requests.
    pub slots: usize,
    /// Maximum number of rows per step.
    pub rows: usize,
    /// Row alignment of prefill chunks: in a step with several, each begins at a multiple of this.
    pub tile: usize,
    /// True if the device can begin a step from its own samples, before the host knows them.
    pub chains: bool,
    /// Policy for sharing steps between prefill and decode.
    pub policy: Policy,
    /// Pads each prompt to this many positions, at most the context length, and runs one request at a time.
    pub pad_to: Option<usize>,
    /// Moves a decoding sequence's cached keys and values to other blocks before each of its rows.
    pub moves: bool,
}

/// A queued request, reduced to what the scheduler needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Id of the request.
    pub request: RequestId,
    /// Priority; larger values go first, and requests of equal priority in order of arrival.
    pub priority: i32,
    /// Token ids of the prompt.
    pub ids: Vec<u32>,
    /// Maximum number of ids in prompt and completion together; at most the context length.
    pub most: usize,
    /// True if the host must know each sample before it can submit the step after it.
    pub waits: bool,
    /// Time at which the request expires, in milliseconds on the clock passed to [`Scheduler::expired`].
    pub deadline_ms: Option<f64>,
}

/// Schedules requests in order of priority and arrival, and assigns them blocks of the KV cache.
///
/// Pure: callers report what was submitted, sampled and computed, and it returns the next step. The same
/// calls always give the same steps.
#[derive(Clone, Debug)]
pub struct Scheduler {
    limits: Limits,
    pool: BlockPool,
    waiting: BTreeMap<Turn, Waiting>,
    /// In order of admission.
    running: Vec<Running>,
    /// Requests whose next rows the device made from its latest samples, in row order.
    chain: Vec<RequestId>,
    /// Consecutive prefill steps so far while sequences waited to decode.
    patience: usize,
    arrivals: u64,
}

/// Queue order; the smallest goes first: highest priority, then earliest arrival.
pub(super) type Turn = (Reverse<i32>, u64);

#[derive(Clone, Debug)]
struct Waiting {
    asked: Asked,
    /// True if the request ran before and was preempted.
    resumes: bool,
}

impl Scheduler {
    /// Creates a scheduler with an empty queue. `pool` must have enough blocks for one sequence of the
    /// maximum length.
    pub fn new(limits: Limits, pool: BlockPool) -> Self {
        Self {
            limits,
            pool,
            waiting: BTreeMap::new(),
            running: Vec::new(),
            chain: Vec::new(),
            patience: 0,
            arrivals: 0,
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
    pub fn submit(&mut self, asked: Asked) {
        let turn = (Reverse(asked.priority), self.arrivals);
        self.arrivals += 1;
        let resumes = false;
        self.waiting.insert(turn, Waiting { asked, resumes });
    }

    /// Removes a request that has ended, queued or running. Returns whether it was there.
    pub fn end(&mut self, request: RequestId) -> bool {
        if let Some(index) = self.running.iter().position(|r| r.asked.request == request) {
            let running = self.running.remove(index);
            self.pool.release(running.held);
            return true;
        }
        let mut waiting = self.waiting.iter();
        let turn = waiting.find(|(_, waiting)| waiting.asked.request == request);
        match turn.map(|(turn, _)| *turn) {
            Some(turn) => self.waiting.remove(&turn).is_some(),
            None => false,
        }
    }

    /// Returns the requests whose deadline has passed.
    pub fn expired(&self, now_ms: f64) -> Vec<RequestId> {
        let running = self.running.iter().map(|running| &running.asked);
        let waiting = self.waiting.values().map(|waiting| &waiting.asked);
        let expired = |asked: &&Asked| asked.deadline_ms.is_some_and(|at| at <= now_ms);
        let all = running.chain(waiting).filter(expired);
        all.map(|asked| asked.request).collect()
    }

    /// Number of queued requests.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Returns the requests that have a slot.
    pub fn running(&self) -> impl Iterator<Item = RequestId> {
        self.running.iter().map(|running| running.asked.request)
    }

    /// Returns the pool of KV cache blocks.
    pub const fn pool(&self) -> &BlockPool {
        &self.pool
    }

    /// Returns the ids of a request that has a slot: its prompt, then its sampled ids.
    pub fn ids(&self, request: RequestId) -> &[u32] {
        let mut running = self.running.iter();
        let running = running.find(|running| running.asked.request == request);
        running.map_or(&[], |running| &running.asked.ids)
    }

    /// Clears the prefix cache, so that later prompts are computed from their first token.
    pub fn forget(&mut self) {
        self.pool.forget();
        self.chain.clear();
    }

    /// Records that a part was computed.
    pub fn landed(&mut self, part: &Part) {
        let mut running = self.running.iter_mut();
        if let Some(running) = running.find(|running| running.asked.request == part.request) {
            let known = part.known();
            if !known.is_empty() {
                let ids = &running.asked.ids[..known.end];
                self.pool.land(&mut running.held, ids);
            }
        }
    }

    /// Appends a sampled id to a request.
    pub fn picked(&mut self, request: RequestId, id: u32) {
        let mut running = self.running.iter_mut();
        if let Some(running) = running.find(|running| running.asked.request == request) {
            running.asked.ids.push(id);
        }
    }

    /// Returns the next step and marks it as submitted. The step has no rows if no request has work, or if
    /// its rows depend on steps still in flight (`on_its_way`).
    pub fn plan(&mut self, on_its_way: bool) -> Step {
        let mut step = Step::default();
        self.admit(&mut step);
        let prompts = self.running.iter().any(Running::is_prompt);
        let answers = self.running.iter().any(Running::goes_on);
        let (prompts, answers) = match self.limits.policy {
            _ if !(prompts && answers) => (prompts, answers),
            Policy::Balanced => (true, true),
            Policy::PrefillFirst => (self.patience < PATIENCE, self.patience >= PATIENCE),
        };
        if answers {
            // A step with rows of prompts takes all its rows from the host.
            let chains = self.limits.chains && !prompts;
            if !self.plan_answers(chains, on_its_way, &mut step) {
                return step;
            }
            self.patience = 0;
        } else {
            self.patience += 1;
        }
        if prompts {
            self.plan_prompts(&mut step);
        }
        self.issued(&step);
        step
    }

    /// Gives slots to queued requests in order, while slots and blocks last.
    fn admit(&mut self, step: &mut Step) {
        let beside = self.limits.pad_to.is_none();
        while (beside || self.running.is_empty())
            && let Some(slot) = self.free_slot()
            && let Some(next) = self.waiting.first_key_value()
            && !self.is_coming(&next.1.asked.ids)
            && let Some(next) = self.waiting.first_entry()
            && let Some((mut held, copy)) = self.pool.admit(&next.get().asked.ids)
        {
            let (turn, Waiting { asked, resumes }) = next.remove_entry();
            let slot = self.pool.slot_of(&held).unwrap_or(slot);
            let reused = self.pool.landed(&held);
            let padded = self.limits.pad_to.unwrap_or(0).max(asked.ids.len());
            while self.pool.room(&held) < padded && self.pool.extend(&mut held) {}
            step.admitted.push(Admitted {
                request: asked.request,
                slot,
                reused,
                resumed: resumes,
            });
            step.copies.extend(copy);
            let blocks = held.blocks.iter().enumerate();
            step.tables.extend(blocks.map(|(index, block)| TableEntry {
                slot,
                index,
                block: *block,
            }));
            self.running.push(Running {
                turn,
                slot,
                padded: padded.min(self.pool.room(&held)),
                pads: 0,
                held,
                prompt: asked.ids.len(),
                issued: reused,
                asked,
            });
        }
    }

    /// Returns true if a running request will soon compute at least one block of the prefix of `ids`. Waiting
    /// for it is worthwhile.
    fn is_coming(&self, ids: &[u32]) -> bool {
        let wanted = &ids[..ids.len().saturating_sub(1)];
        let is_ahead = |running: &Running| {
            let theirs = &running.asked.ids[running.issued..running.prompt];
            let ours = wanted.get(running.issued..).unwrap_or_default();
            // Compare the submitted ids only if the rest already matches.
            let common = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
            common >= self.pool.size()
                && wanted[..running.issued] == running.asked.ids[..running.issued]
        };
        let prompts = || self.running.iter().filter(|running| running.is_prompt());
        self.pool.shares() && prompts().any(is_ahead)
    }

    fn free_slot(&self) -> Option<usize> {
        let free = |slot: &usize| self.running.iter().all(|running| running.slot != *slot);
        (0..self.limits.slots).find(free)
    }

    /// Adds one row per decoding sequence. Returns false if the rows are not known yet or blocks are missing.
    fn plan_answers(&mut self, chains: bool, on_its_way: bool, step: &mut Step) -> bool {
        let next = || self.running.iter().filter(|running| running.goes_on());
        let chains = chains
            && !next().any(|running| running.asked.waits && running.is_unknown())
            && next()
                .map(|running| running.asked.request)
                .eq(self.chain.iter().copied());
        if !chains && next().any(Running::is_unknown) {
            return false;
        }
        if !self.grow(on_its_way, step) {
            return false;
        }
        if self.limits.moves {
            self.move_answers(step);
        }
        let next = self.running.iter().filter(|running| running.goes_on());
        step.answers.extend(next.map(|running| Part {
            request: running.asked.request,
            slot: running.slot,
            range: running.issued..running.issued + 1,
            pads: 0,
            picks: true,
        }));
        // Preemption happens only with nothing in flight, so the host knows all ids.
        step.chained = chains && step.preempted.is_empty();
        true
    }

    /// Gives each decoding sequence a block for its next row, in queue order, and preempts the newest
    /// sequences if blocks run out and nothing is in flight. Returns whether all have their block.
    fn grow(&mut self, on_its_way: bool, step: &mut Step) -> bool {
        let needs = |pool: &BlockPool, running: &Running| {
            running.goes_on() && pool.room(&running.held) <= running.issued
        };
        loop {
            let Self { running, pool, .. } = self;
            let needy = running.iter_mut().filter(|running| needs(pool, running));
            let Some(first) = needy.min_by_key(|running| running.turn) else {
                return true;
            };
            if pool.extend(&mut first.held) {
                let index = first.held.blocks.len() - 1;
                step.tables.push(TableEntry {
                    slot: first.slot,
                    index,
                    block: first.held.blocks[index],
                });
                continue;
            }
            if on_its_way {
                return false;
            }
            self.preempt(step);
        }
    }

    /// Moves everything that decoding sequences have in the cache to other blocks.
    fn move_answers(&mut self, step: &mut Step) {
        let Self { running, pool, .. } = self;
        for running in running.iter_mut().filter(|running| running.goes_on()) {
            let Some(copies) = pool.relocate(&mut running.held) else {
                step.lack = Some(Lack {
                    wanted: running.held.blocks.len(),
                    free: pool.free(),
                });
                return;
            };
            let slot = running.slot;
            let table = copies.iter().enumerate();
            step.tables.extend(table.map(|(index, copy)| TableEntry {
                slot,
                index,
                block: copy.to,
            }));
            step.copies.extend(copies);
        }
    }

    /// Preempts the running request that is last in queue order and puts it back into the queue. Once
    /// readmitted, it recomputes what it does not find in the cache.
    fn preempt(&mut self, step: &mut Step) {
        let all = self.running.iter().enumerate();
        let Some((last, _)) = all.max_by_key(|(_, running)| running.turn) else {
            return;
        };
        let Running {
            asked,
            turn,
            slot,
            held,
            ..
        } = self.running.remove(last);
        self.pool.release(held);
        step.tables.retain(|entry| entry.slot != slot);
        step.preempted.push(asked.request);
        let resumes = true;
        self.waiting.insert(turn, Waiting { asked, resumes });
    }

    /// Adds prefill chunks in queue order, in the rows that decoding leaves free.
    fn plan_prompts(&mut self, step: &mut Step) {
        let room = self.limits.rows.saturating_sub(step.answers.len()).max(1);
        let mut used = 0usize;
        let mut prompts: Vec<&Running> = self.running.iter().filter(|r| r.is_prompt()).collect();
        prompts.sort_by_key(|running| running.turn);
        for running in prompts {
            let first = used.next_multiple_of(self.limits.tile.max(1));
            let part = running.piece(room.saturating_sub(first));
            if part.range.is_empty() {
                return;
            }
            used = first + part.range.len();
            step.prompts.push(part);
        }
    }

    /// Marks the step's parts as submitted.
    fn issued(&mut self, step: &Step) {
        if step.is_empty() {
            return;
        }
        for part in step.parts() {
            let mut running = self.running.iter_mut();
            if let Some(running) = running.find(|r| r.asked.request == part.request) {
                match part.known() {
                    known if known.is_empty() => running.pads = part.range.end,
                    known => running.issued = known.end,
                }
            }
        }
        // Blocks of prompts are shareable at once: whoever reuses them runs later on the device, too.
        for part in &step.prompts {
            self.landed(part);
        }
        self.chain.clear();
        let picks = step.picks();
        // The device makes the next row for each sample if the step has decode rows only, or a single sample.
        if picks == 1 || step.prompts.is_empty() {
            let picking = step.parts().filter(|part| part.picks);
            self.chain.extend(picking.map(|part| part.request));
        }
    }
}
