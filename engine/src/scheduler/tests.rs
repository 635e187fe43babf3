//! Runs the scheduler against a mock device that stores ids: every computed row must find all earlier
//! positions in the blocks of its sequence, whatever requests arrive, end and share.

mod worse;

use std::collections::{HashMap, VecDeque};

use proptest::prelude::*;

use super::blocks::{BlockCopy, BlockPool, NULL_BLOCK};
use super::schedule::{Asked, Limits, Scheduler};
use super::step::{Part, Step};
use super::{Policy, RequestId};

/// Returns the mock model's next id after `ids`; depends on all of them.
fn next_id(ids: &[u32]) -> u32 {
    let mix = |hash: u64, id: &u32| (hash ^ u64::from(*id)).wrapping_mul(0x0100_0000_01b3);
    (ids.iter().fold(0xcbf2_9ce4_8422_2325, mix) >> 32) as u32 % 5
}

/// An id that no answer contains.
const PAD: u32 = 999;

/// A mock device that stores an id in place of keys and values.
struct Device {
    size: usize,
    blocks: Vec<Vec<u32>>,
    tables: HashMap<usize, Vec<u32>>,
    /// Rows made by the latest samples: id, position, slot.
    rows: Vec<(u32, usize, usize)>,
}

impl Device {
    fn new(blocks: usize, size: usize) -> Self {
        Self {
            size,
            blocks: vec![vec![u32::MAX; size]; blocks + 1],
            tables: HashMap::new(),
            rows: Vec::new(),
        }
    }

    /// Computes a step and returns the sampled ids.
    fn compute(&mut self, step: &Step, ids: impl Fn(RequestId) -> Vec<u32>) -> Vec<u32> {
        for (BlockCopy { from, to }, count) in step.copy_runs() {
            let [from, to] = [from as usize, to as usize];
            // All blocks of a run are copied at once, as on the device.
            let run = self.blocks[from..from + count].to_vec();
            self.blocks[to..to + count].clone_from_slice(&run);
        }
        for entry in step.table_runs().flatten() {
            assert_ne!(entry.block, NULL_BLOCK);
            let table = self.tables.entry(entry.slot).or_default();
            table.resize(table.len().max(entry.index + 1), NULL_BLOCK);
            table[entry.index] = entry.block;
        }
        let mut picked = Vec::new();
        let mut next = Vec::new();
        if step.is_empty() {
            return picked;
        }
        let mut chained = std::mem::take(&mut self.rows).into_iter();
        for part in step.parts() {
            let rows: Vec<(u32, usize, usize)> = if step.chained {
                chained.next().into_iter().collect()
            } else {
                let ids = ids(part.request);
                let row = |at: usize| (ids.get(at).copied().unwrap_or(PAD), at, part.slot);
                part.range.clone().map(row).collect()
            };
            assert_eq!(rows.len(), part.range.len());
            for (id, position, slot) in rows {
                assert_eq!(slot, part.slot);
                assert!(part.range.contains(&position));
                let block = self.tables[&slot][position / self.size];
                assert_ne!(block, NULL_BLOCK);
                self.blocks[block as usize][position % self.size] = id;
            }
            if part.picks {
                let end = part.known().end;
                let id = next_id(&self.past(part.slot, end));
                picked.push(id);
                next.push((id, end, part.slot));
            }
        }
        self.rows = next;
        picked
    }

    /// Returns the ids that a row at `end - 1` attends to.
    fn past(&self, slot: usize, end: usize) -> Vec<u32> {
        let at = |position: usize| {
            let block = self.tables[&slot][position / self.size];
            self.blocks[block as usize][position % self.size]
        };
        (0..end).map(at).collect()
    }
}

#[derive(Clone, Debug)]
struct Wanted {
    /// Step at which it arrives.
    arrives: usize,
    priority: i32,
    prompt: Vec<u32>,
    answer: usize,
    /// True if each sample must be known before the next step is submitted.
    waits: bool,
    /// The caller ends the request after this many samples; 0 ends it before any.
    ends_after: Option<usize>,
}

#[derive(Debug, Default)]
struct Run {
    steps: usize,
    /// Number of preemptions.
    preempted: usize,
    reused: usize,
    chained: usize,
    most_prompts: usize,
    /// Number of prompt positions computed.
    prompts: usize,
    pads: usize,
    /// Number of blocks copied.
    copies: usize,
}

/// Answers all of `wanted` with up to `depth` steps in flight, and checks every step.
fn run(limits: Limits, pool: BlockPool, size: usize, depth: usize, wanted: &[Wanted]) -> Run {
    let mut device = Device::new(pool.total(), size);
    let mut scheduler = Scheduler::new(limits, pool);
    let mut answers: Vec<Vec<u32>> = vec![Vec::new(); wanted.len()];
    let mut ended = vec![false; wanted.len()];
    let mut flights: VecDeque<(Vec<Part>, Vec<u32>)> = VecDeque::new();
    let mut run = Run::default();
    let longest = |w: &Wanted| w.prompt.len() + 3 * w.answer + w.arrives;
    let enough: usize = 100 + 20 * wanted.iter().map(longest).sum::<usize>();
    while ended.iter().any(|ended| !ended) || !flights.is_empty() {
        run.steps += 1;
        assert!(run.steps < enough, "starved: {ended:?} of {wanted:?}");
        for (index, w) in wanted.iter().enumerate() {
            if w.arrives == run.steps - 1 {
                let asked = Asked {
                    request: RequestId(index as u64),
                    priority: w.priority,
                    ids: w.prompt.clone(),
                    most: w.prompt.len() + w.answer,
                    waits: w.waits,
                    deadline_ms: None,
                };
                scheduler.submit(asked);
            }
            if w.ends_after == Some(0) && w.arrives + 2 == run.steps && !ended[index] {
                ended[index] = true;
                assert!(scheduler.end(RequestId(index as u64)));
            }
        }
        while flights.len() < depth {
            let step = scheduler.plan(!flights.is_empty());
            assert!(step.preempted.is_empty() || flights.is_empty());
            run.preempted += step.preempted.len();
            run.reused += step.admitted.iter().map(|a| a.reused).sum::<usize>();
            run.chained += usize::from(step.chained);
            run.most_prompts = run.most_prompts.max(step.prompts.len());
            run.prompts += step.prompts.iter().map(|p| p.range.len()).sum::<usize>();
            run.pads += step.prompts.iter().map(|p| p.pads).sum::<usize>();
            run.copies += step.copies.len();
            assert_eq!(step.lack, None);
            let rows: usize = step.parts().map(|part| part.range.len()).sum();
            assert!(rows <= limits.rows.max(limits.slots + 1), "{step:?}");
            if step.prompts.len() > 1 {
                let (last, others) = step.prompts.split_last().expect("there are two");
                let tiles = |part: &Part| part.range.len().next_multiple_of(limits.tile);
                let padded: usize = others.iter().map(tiles).sum();
                assert!(
                    padded + last.range.len() + step.answers.len()
                        <= limits.rows.max(limits.slots + 1)
                );
            }
            for part in &step.answers {
                let known = scheduler.ids(part.request).len();
                let waits = wanted[part.request.0 as usize].waits;
                assert!(
                    !waits || part.range.start < known,
                    "{part:?} of {known} ids"
                );
            }
            let picked = device.compute(&step, |request| scheduler.ids(request).to_vec());
            if step.is_empty() {
                break;
            }
            flights.push_back((step.parts().cloned().collect(), picked));
        }
        let Some((parts, picked)) = flights.pop_front() else {
            continue;
        };
        let mut picked = picked.into_iter();
        for part in parts {
            let id = part
                .picks
                .then(|| picked.next().expect("a pick a picking part"));
            let index = part.request.0 as usize;
            if ended[index] {
                continue;
            }
            scheduler.landed(&part);
            let Some(id) = id else { continue };
            scheduler.picked(part.request, id);
            answers[index].push(id);
            let w = &wanted[index];
            let enough = w.ends_after.unwrap_or(w.answer).min(w.answer);
            if answers[index].len() >= enough {
                ended[index] = true;
                assert!(scheduler.end(part.request));
            }
        }
    }
    // All blocks are free again, and each answer is what the model alone would give.
    assert_eq!(scheduler.pool().free(), scheduler.pool().total());
    assert_eq!(scheduler.waiting() + scheduler.running().count(), 0);
    for (w, answer) in wanted.iter().zip(&answers) {
        let mut ids = w.prompt.clone();
        for id in answer {
            assert_eq!(*id, next_id(&ids), "{w:?}: {answer:?}");
            ids.push(*id);
        }
        if w.ends_after.is_none() {
            assert_eq!(answer.len(), w.answer);
        }
    }
    run
}

fn limits(slots: usize, policy: Policy) -> Limits {
    Limits {
        slots,
        rows: 16,
        tile: 4,
        chains: true,
        policy,
        pad_to: None,
        moves: false,
    }
}

fn wanted(prompt: &[u32], answer: usize) -> Wanted {
    Wanted {
        arrives: 0,
        priority: 0,
        prompt: prompt.to_vec(),
        answer,
        waits: false,
        ends_after: None,
    }
}

#[test]
fn scheduler_completes_all_answers_when_blocks_run_out() {
    // Each request grows to all eight blocks.
    let all = [
        wanted(&[1; 8], 24),
        wanted(&[2; 8], 24),
        wanted(&[3; 8], 24),
    ];
    for policy in [Policy::PrefillFirst, Policy::Balanced] {
        let done = run(limits(3, policy), BlockPool::new(8, 4, true), 4, 2, &all);
        assert!(done.preempted > 0);
    }
}

#[test]
fn common_prefix_is_computed_once() {
    let system: Vec<u32> = (0..20).collect();
    let mut first = wanted(&system, 4);
    first.prompt.extend([50, 51, 52]);
    let mut second = wanted(&system, 4);
    second.prompt.extend([60, 61]);
    second.arrives = 3;
    let all = [first, second];
    let done = run(
        limits(2, Policy::PrefillFirst),
        BlockPool::new(32, 8, true),
        8,
        1,
        &all,
    );
    // Two full blocks, plus a copy of the start of the third, which the first request still writes to.
    assert_eq!(done.reused, 20);
}

#[test]
fn simultaneous_equal_prompts_are_computed_once() {
    let prompt: Vec<u32> = (0..21).collect();
    let all = vec![wanted(&prompt, 5); 4];
    // All but the last id is reused, or all but a remainder shorter than a block, which nobody waits for.
    for (policy, rows, reused) in [
        (Policy::PrefillFirst, 32, 3 * 20),
        (Policy::Balanced, 6, 3 * 18),
    ] {
        let limits = Limits {
            rows,
            ..limits(4, policy)
        };
        let done = run(limits, BlockPool::new(32, 4, true), 4, 1, &all);
        assert_eq!(done.reused, reused);
    }
}

#[test]
fn pool_continues_a_free_block_in_place_and_copies_a_used_one() {
    let mut pool = BlockPool::new(4, 8, true);
    let ids: Vec<u32> = (0..12).collect();
    let (mut held, copy) = pool.admit(&ids).expect("there is room");
    assert_eq!((pool.landed(&held), copy), (0, None));
    pool.land(&mut held, &ids);
    let blocks = held.blocks.clone();
    pool.release(held);
    let longer: Vec<u32> = (0..15).collect();
    let (held, copy) = pool.admit(&longer).expect("there is room");
    assert_eq!((pool.landed(&held), copy), (12, None));
    assert_eq!(held.blocks, blocks);
    // The block is in use, so its leading ids are copied.
    let other: Vec<u32> = (0..11).chain([99, 98]).collect();
    let (other, copy) = pool.admit(&other).expect("there is room");
    assert_eq!(pool.landed(&other), 8 + 3);
    let (from, to) = (blocks[1], other.blocks[1]);
    assert_eq!(copy, Some(BlockCopy { from, to }));
    assert_eq!(other.blocks[0], blocks[0]);
    pool.release(held);
    pool.release(other);
    pool.forget();
    let (held, _) = pool.admit(&longer).expect("there is room");
    assert_eq!(pool.landed(&held), 0);
    assert_eq!(pool.free(), 2);
}

#[test]
fn pool_reuses_ends_before_beginnings_and_oldest_first() {
    let mut pool = BlockPool::new(3, 4, true);
    let admit = |pool: &mut BlockPool, ids: &[u32]| {
        let (mut held, _) = pool.admit(ids).expect("there is room");
        let reused = pool.landed(&held);
        pool.land(&mut held, ids);
        pool.release(held);
        reused
    };
    assert_eq!(admit(&mut pool, &[1, 1, 1, 1, 1]), 0);
    assert_eq!(admit(&mut pool, &[2, 2]), 0);
    // Ends are reused before beginnings, and older blocks before newer ones.
    assert_eq!(admit(&mut pool, &[3, 3]), 0);
    assert_eq!(admit(&mut pool, &[1, 1, 1, 1, 5]), 4);
    assert_eq!(admit(&mut pool, &[3, 3, 3]), 2);
    assert_eq!(admit(&mut pool, &[2, 2, 2]), 0);
}

#[test]
fn pool_maps_each_slot_to_a_block_when_blocks_cannot_be_copied() {
    let mut pool = BlockPool::new(2, 32, false);
    let (mut one, _) = pool.admit(&[1, 2, 3]).expect("a slot");
    pool.land(&mut one, &[1, 2, 3]);
    // The block is in use, so it is not shared.
    let (two, copy) = pool.admit(&[1, 2, 3, 4]).expect("a slot");
    assert_eq!((pool.landed(&two), copy), (0, None));
    assert!(pool.admit(&[7]).is_none());
    let place = one.blocks.clone();
    pool.release(one);
    let (again, _) = pool.admit(&[1, 2, 9, 9]).expect("a slot");
    assert_eq!((pool.landed(&again), again.blocks), (2, place));
}

#[test]
fn prompts_are_batched_and_decode_steps_chained() {
    let all: Vec<Wanted> = (0..4).map(|n| wanted(&[n, n, n], 10)).collect();
    let done = run(
        limits(4, Policy::PrefillFirst),
        BlockPool::new(32, 4, true),
        4,
        3,
        &all,
    );
    assert_eq!(done.most_prompts, 4);
    assert!(done.chained >= 6, "{done:?}");
}

#[test]
fn waiting_request_delays_others_only_while_it_runs() {
    let [free, mut bound] = [wanted(&[1; 3], 12), wanted(&[2; 3], 5)];
    bound.waits = true;
    let run = |all: &[Wanted]| {
        let pool = BlockPool::new(16, 4, true);
        run(limits(2, Policy::PrefillFirst), pool, 4, 2, all)
    };
    let alone = run(std::slice::from_ref(&free));
    let both = run(&[free, bound]);
    // While both decode, steps still chain; afterwards the free one runs ahead.
    assert!(both.chained + 2 >= alone.chained, "{both:?} {alone:?}");
}

#[test]
fn prefill_first_does_not_starve_decoding() {
    // A stream of short requests competes with a long one, and prefill goes first.
    let mut all = vec![wanted(&[9; 4], 12)];
    all.extend((1..150).map(|n| Wanted {
        arrives: n,
        ..wanted(&[n as u32 % 7; 3], 1)
    }));
    let mut scheduler =
        Scheduler::new(limits(2, Policy::PrefillFirst), BlockPool::new(16, 4, true));
    let ask = |request: u64, w: &Wanted| Asked {
        request: RequestId(request),
        priority: 0,
        ids: w.prompt.clone(),
        most: w.prompt.len() + w.answer,
        waits: false,
        deadline_ms: None,
    };
    scheduler.submit(ask(0, &all[0]));
    let mut answered = 0;
    for (n, w) in (1..).zip(&all[1..]) {
        scheduler.submit(ask(n, w));
        let step = scheduler.plan(false);
        for part in step.parts().filter(|part| part.picks) {
            scheduler.landed(part);
            scheduler.picked(part.request, 1);
            answered += usize::from(part.request.0 == 0);
            if part.request.0 != 0 {
                scheduler.end(part.request);
            }
        }
    }
    assert_eq!(answered, 12);
}

#[test]
fn expired_lists_requests_whose_deadline_has_passed() {
    let mut scheduler = Scheduler::new(limits(1, Policy::Balanced), BlockPool::new(8, 4, true));
    for request in 0..2 {
        scheduler.submit(Asked {
            request: RequestId(request),
            priority: 0,
            ids: vec![1],
            most: 5,
            waits: false,
            deadline_ms: Some(10.0 + request as f64),
        });
    }
    scheduler.plan(false);
    assert_eq!(scheduler.expired(9.0), []);
    assert_eq!(scheduler.expired(10.5), [RequestId(0)]);
    assert_eq!(scheduler.expired(11.0), [RequestId(0), RequestId(1)]);
}

fn any_wanted() -> impl Strategy<Value = Wanted> {
    // Prompts that often share a prefix.
    let prompt = (0u32..3, 0usize..12, prop::collection::vec(0u32..3, 1..10));
    let ends = prop::option::weighted(0.3, 0usize..8);
    let waits = prop::bool::weighted(0.2);
    (0usize..40, -1i32..2, prompt, 1usize..14, (ends, waits)).prop_map(
        |(arrives, priority, (system, common, own), answer, (ends_after, waits))| {
            let system = (0..common as u32).map(|id| id * (system + 1));
            Wanted {
                arrives,
                priority,
                prompt: system.chain(own).collect(),
                answer,
                waits,
                ends_after,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn scheduler_answers_every_request_as_if_it_ran_alone(
        all in prop::collection::vec(any_wanted(), 1..14),
        (slots, spare, depth) in (1usize..5, 0usize..12, 1usize..4),
        (rows, chains, balanced) in (1usize..24, any::<bool>(), any::<bool>()),
    ) {
        // The longest sequence has 11 + 9 + 13 positions.
        let (size, longest) = (4, 9);
        let policy = if balanced { Policy::Balanced } else { Policy::PrefillFirst };
        let limits = Limits { rows, chains, ..limits(slots, policy) };
        run(limits, BlockPool::new(longest + spare, size, true), size, depth, &all);
        // One block per slot, as for a cache without blocks.
        run(limits, BlockPool::new(slots, 36, false), 36, depth, &all);
    }
}
