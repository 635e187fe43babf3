//! Runs the scheduler against a mock device that stores tokens: every computed row must find all earlier
//! tokens in the blocks of its sequence, whatever requests arrive, end and share.

mod device;
mod pool;
mod simulation;

use proptest::prelude::*;

use super::blocks::BlockPool;
use super::schedule::{Limits, Scheduler};
use super::{Policy, RequestId};
use simulation::{TestRequest, simulate};

fn limits(slots: usize, policy: Policy) -> Limits {
    Limits {
        slots,
        rows: 16,
        tile_rows: 4,
        can_chain: true,
        policy,
    }
}

#[test]
fn scheduler_completes_all_requests_when_blocks_run_out() {
    // Each request grows to all eight blocks.
    let requests = [1, 2, 3].map(|id| TestRequest::new(&[id; 8], 24));
    for policy in [Policy::PrefillFirst, Policy::Balanced] {
        let pool = BlockPool::new(8, 4, true);
        let counts = simulate(limits(3, policy), pool, 2, &requests);
        assert!(counts.preempted > 0);
    }
}

#[test]
fn common_prefix_is_computed_once() {
    let system: Vec<u32> = (0..20).collect();
    let mut first = TestRequest::new(&system, 4);
    first.prompt.extend([50, 51, 52]);
    let mut second = TestRequest::new(&system, 4);
    second.prompt.extend([60, 61]);
    second.arrives = 3;
    let limits = limits(2, Policy::PrefillFirst);
    let counts = simulate(limits, BlockPool::new(32, 8, true), 1, &[first, second]);
    // Two full blocks, plus a copy of the start of the third, which the first request still writes to.
    assert_eq!(counts.reused, 20);
}

#[test]
fn simultaneous_equal_prompts_are_computed_once() {
    let prompt: Vec<u32> = (0..21).collect();
    let requests = vec![TestRequest::new(&prompt, 5); 4];
    // All tokens but the last are reused, or all but a remainder shorter than a block, which no request waits for.
    for (policy, rows, reused) in [
        (Policy::PrefillFirst, 32, 3 * 20),
        (Policy::Balanced, 6, 3 * 18),
    ] {
        let limits = Limits {
            rows,
            ..limits(4, policy)
        };
        let counts = simulate(limits, BlockPool::new(32, 4, true), 1, &requests);
        assert_eq!(counts.reused, reused);
    }
}

#[test]
fn prompts_are_batched_and_decode_steps_chained() {
    let requests = [0, 1, 2, 3].map(|id| TestRequest::new(&[id; 3], 10));
    let pool = BlockPool::new(32, 4, true);
    let counts = simulate(limits(4, Policy::PrefillFirst), pool, 3, &requests);
    assert_eq!(counts.max_chunks_per_step, 4);
    assert!(counts.chained_steps >= 6, "{counts:?}");
}

#[test]
fn request_that_waits_for_samples_delays_others_only_while_it_runs() {
    let free = TestRequest::new(&[1; 3], 12);
    let waiting = TestRequest {
        waits_for_samples: true,
        ..TestRequest::new(&[2; 3], 5)
    };
    let chained_steps = |requests: &[TestRequest]| {
        let pool = BlockPool::new(16, 4, true);
        simulate(limits(2, Policy::PrefillFirst), pool, 2, requests).chained_steps
    };
    let alone = chained_steps(std::slice::from_ref(&free));
    let both = chained_steps(&[free, waiting]);
    // While both decode, steps still chain; afterwards the free one runs ahead.
    assert!(both + 2 >= alone, "{both} {alone}");
}

#[test]
fn prefill_first_does_not_starve_decoding() {
    // A stream of short requests competes with a long one, and prefill goes first.
    let limits = limits(2, Policy::PrefillFirst);
    let mut scheduler = Scheduler::new(limits, BlockPool::new(16, 4, true));
    scheduler.submit(TestRequest::new(&[9; 4], 12).queued(0));
    let mut decoded = 0;
    for id in 1..150 {
        scheduler.submit(TestRequest::new(&[id as u32 % 7; 3], 1).queued(id));
        let step = scheduler.plan(false);
        for chunk in step.chunks().filter(|chunk| chunk.samples) {
            scheduler.mark_computed(chunk);
            scheduler.push_token(chunk.request, 1);
            if chunk.request == RequestId(0) {
                decoded += 1;
            } else {
                scheduler.remove(chunk.request);
            }
        }
    }
    assert_eq!(decoded, 12);
}

#[test]
fn expired_lists_requests_whose_deadline_has_passed() {
    let mut scheduler = Scheduler::new(limits(1, Policy::Balanced), BlockPool::new(8, 4, true));
    for id in 0..2 {
        let mut request = TestRequest::new(&[1], 4).queued(id);
        request.deadline_ms = Some(10.0 + id as f64);
        scheduler.submit(request);
    }
    scheduler.plan(false);
    assert_eq!(scheduler.expired(9.0), []);
    assert_eq!(scheduler.expired(10.5), [RequestId(0)]);
    assert_eq!(scheduler.expired(11.0), [RequestId(0), RequestId(1)]);
}

fn any_request() -> impl Strategy<Value = TestRequest> {
    // Prompts that often share a prefix.
    let prompt = (0u32..3, 0usize..12, prop::collection::vec(0u32..3, 1..10));
    let aborts = prop::option::weighted(0.3, 0usize..8);
    let waits = prop::bool::weighted(0.2);
    (0usize..40, -1i32..2, prompt, 1usize..14, (aborts, waits)).prop_map(
        |(arrives, priority, (system, common, own), max_tokens, (aborts_after, waits))| {
            let system = (0..common as u32).map(|id| id * (system + 1));
            TestRequest {
                arrives,
                priority,
                prompt: system.chain(own).collect(),
                max_tokens,
                waits_for_samples: waits,
                aborts_after,
            }
        },
    )
}

/// Block size of the property tests.
const BLOCK_SIZE: usize = 4;
/// Length of the longest sequence of [`any_request`] (11 + 9 + 13 positions), in blocks and in positions.
const MAX_BLOCKS: usize = 9;
const MAX_LEN: usize = MAX_BLOCKS * BLOCK_SIZE;

fn any_limits() -> impl Strategy<Value = Limits> {
    let policy = prop::sample::select(vec![Policy::PrefillFirst, Policy::Balanced]);
    (1usize..5, 1usize..24, any::<bool>(), policy).prop_map(|(slots, rows, can_chain, policy)| {
        Limits {
            rows,
            can_chain,
            ..limits(slots, policy)
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn scheduler_completes_each_request_as_if_it_ran_alone(
        requests in prop::collection::vec(any_request(), 1..14),
        limits in any_limits(), spare in 0usize..12, depth in 1usize..4,
    ) {
        let pool = BlockPool::new(MAX_BLOCKS + spare, BLOCK_SIZE, true);
        simulate(limits, pool, depth, &requests);
        // One block per slot, as for a cache without blocks.
        simulate(limits, BlockPool::new(limits.slots, MAX_LEN, false), depth, &requests);
    }
}
