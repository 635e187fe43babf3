//! Who is answered, and what each step computes.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::RequestId;
use super::blocks::BlockPool;
use super::running::Running;
use super::step::{Admitted, Lack, Part, Step, TableEntry};

/// Steps of prompts in a row while answers wait.
const PATIENCE: usize = 8;

/// How prompts and answers share the steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// A prompt is computed before answers go on: the earliest first token.
    #[default]
    PrefillFirst,
    /// Each step has a row of every answer, and a prompt's piece in what room is left: the evenest
    /// pace.
    Balanced,
}

impl FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "prefill-first" => Ok(Self::PrefillFirst),
            "balanced" => Ok(Self::Balanced),
            _ => Err(format!(
                "{text:?} is no policy; there are prefill-first and balanced"
            )),
        }
    }
}

/// What a step may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests that are answered at once.
    pub slots: usize,
    /// The most rows.
    pub rows: usize,
    /// In a step of several prompts, each begins at a multiple of so many rows.
    pub tile: usize,
    /// Whether the device can begin a step from what it picked, before the host knows it.
    pub chains: bool,
    /// How prompts and answers share the steps.
    pub policy: Policy,
    /// Each prompt is computed as if it had so many ids, which the context has room for, and nothing
    /// beside it.
    pub pad_to: Option<usize>,
    /// Before each of its rows, all that an answer has in the cache goes to other blocks.
    pub moves: bool,
}

/// A request as the scheduler sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Which.
    pub request: RequestId,
    /// Larger goes first; of equals, who came first.
    pub priority: i32,
    /// The prompt.
    pub ids: Vec<u32>,
    /// Ids of prompt and answer at most; no more than the context has positions.
    pub most: usize,
    /// Whether a pick has to be known before the one after it can be issued.
    pub waits: bool,
    /// When it is given up, in milliseconds of the clock that [`Scheduler::expired`] is told.
    pub deadline_ms: Option<f64>,
}

/// Requests first come, first served, in blocks of a KV cache.
///
/// Pure: it is told what was asked, picked and computed, and says what is to be computed next. The same
/// calls give the same steps.
#[derive(Clone, Debug)]
pub struct Scheduler {
    limits: Limits,
    pool: BlockPool,
    waiting: BTreeMap<Turn, Waiting>,
    /// In the order in which they were admitted.
    running: Vec<Running>,
    /// Whose rows the device made itself with its last picks, in their order.
    chain: Vec<RequestId>,
    /// Steps of prompts in a row while answers waited.
    patience: usize,
    arrivals: u64,
}

/// Who goes first: the smallest.
pub(super) type Turn = (Reverse<i32>, u64);

#[derive(Clone, Debug)]
struct Waiting {
    asked: Asked,
    /// Whether it ran before.
    resumes: bool,
}

impl Scheduler {
    /// Nothing asked yet. `pool` has blocks for at least one sequence as long as any may be.
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

    /// What a step may be.
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// From here on a step may be that. Nobody may be running.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Puts a request in the queue.
    pub fn submit(&mut self, asked: Asked) {
        let turn = (Reverse(asked.priority), self.arrivals);
        self.arrivals += 1;
        let resumes = false;
        self.waiting.insert(turn, Waiting { asked, resumes });
    }

    /// Forgets a request, whether it waits or runs: it has ended. Whether there was one.
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

    /// Requests whose deadline has passed.
    pub fn expired(&self, now_ms: f64) -> Vec<RequestId> {
        let running = self.running.iter().map(|running| &running.asked);
        let waiting = self.waiting.values().map(|waiting| &waiting.asked);
        let expired = |asked: &&Asked| asked.deadline_ms.is_some_and(|at| at <= now_ms);
        let all = running.chain(waiting).filter(expired);
        all.map(|asked| asked.request).collect()
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The requests that have a slot.
    pub fn running(&self) -> impl Iterator<Item = RequestId> {
        self.running.iter().map(|running| running.asked.request)
    }

    /// The blocks.
    pub const fn pool(&self) -> &BlockPool {
        &self.pool
    }

    /// The ids of a request that has a slot: its prompt and what was picked.
    pub fn ids(&self, request: RequestId) -> &[u32] {
        let mut running = self.running.iter();
        let running = running.find(|running| running.asked.request == request);
        running.map_or(&[], |running| &running.asked.ids)
    }

    /// Forgets what is in the cache, so that later prompts are computed from their beginning.
    pub fn forget(&mut self) {
        self.pool.forget();
        self.chain.clear();
    }

    /// A part was computed.
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

    /// An id was picked for a request.
    pub fn picked(&mut self, request: RequestId, id: u32) {
        let mut running = self.running.iter_mut();
        if let Some(running) = running.find(|running| running.asked.request == request) {
            running.asked.ids.push(id);
        }
    }

    /// What is computed next; nothing where nobody asks, or where that is only known once what is
    /// `on_its_way` has come. What it gives counts as issued.
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
            // Rows of prompts come from the host, and then all do.
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

    /// Slots to requests in their turn, while there are slots and blocks.
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

    /// Whether a block or more of what `ids` begin with is about to be computed for another: then it is
    /// worth a wait.
    fn is_coming(&self, ids: &[u32]) -> bool {
        let wanted = &ids[..ids.len().saturating_sub(1)];
        let is_ahead = |running: &Running| {
            let theirs = &running.asked.ids[running.issued..running.prompt];
            let ours = wanted.get(running.issued..).unwrap_or_default();
            // What was issued is not compared in vain.
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

    /// A row of every answer that goes on. Whether that is known, and there are blocks for it.
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
        // Where somebody lost the slot, nothing was on its way, and all ids are known.
        step.chained = chains && step.preempted.is_empty();
        true
    }

    /// Gives every answer that goes on the block for its next row, in their turn, where need be those
    /// of who came last. Whether all have theirs.
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

    /// All that answers which go on have in the cache goes to other blocks.
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

    /// Who came last goes back to the queue; what it had computed is computed again, as far as it is
    /// not found then.
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

    /// Pieces of prompts, in their turn, in what room the answers leave.
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

    /// Books what is given away as issued.
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
        // Whoever finds them there comes after them on the device, too.
        for part in &step.prompts {
            self.landed(part);
        }
        self.chain.clear();
        let picks = step.picks();
        // The device makes a next row of every pick, where those are of all rows, or there is one.
        if picks == 1 || step.prompts.is_empty() {
            let picking = step.parts().filter(|part| part.picks);
            self.chain.extend(picking.map(|part| part.request));
        }
    }
}
