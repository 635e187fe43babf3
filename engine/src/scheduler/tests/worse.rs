//! Tests of steps that are planned worse on purpose, for ablations.

use proptest::prelude::*;

use super::super::step::Lack;
use super::*;

#[test]
fn padding_is_computed_before_the_prompt_samples() {
    let prompt: Vec<u32> = (0..10).collect();
    let limits = Limits {
        rows: 8,
        pad_to: Some(29),
        ..limits(2, Policy::PrefillFirst)
    };
    let mut scheduler = Scheduler::new(limits, BlockPool::new(16, 4, true));
    for id in 0..2 {
        scheduler.submit(TestRequest::new(&prompt, 2).queued(id));
    }
    let mut steps = Vec::new();
    for _ in 0..5 {
        let step = scheduler.plan(false);
        let [chunk] = &step.chunks().cloned().collect::<Vec<_>>()[..] else {
            panic!("expected one chunk: {step:?}");
        };
        scheduler.mark_computed(chunk);
        steps.push((chunk.range.clone(), chunk.pads, chunk.samples));
        if chunk.samples {
            scheduler.push_token(chunk.request, 1);
        }
    }
    // Padding does not change the sizes of the steps, but the step that samples comes last.
    let expected = [
        (0..8, 0, false),
        (16..24, 8, false),
        (24..29, 5, false),
        (8..16, 6, true),
        (10..11, 0, true),
    ];
    assert_eq!(steps, expected);
}

#[test]
fn moving_sequence_gets_new_blocks_for_each_row() {
    let limits = Limits {
        moves: true,
        ..limits(2, Policy::PrefillFirst)
    };
    let requests = [TestRequest::new(&[1; 9], 6), TestRequest::new(&[2; 5], 6)];
    let counts = simulate(limits, BlockPool::new(12, 4, true), 2, &requests);
    // Rows at positions 9 to 13, and at 5 to 9; the first sample needs no move, since the prompt computes it.
    let expected = (3 + 3 + 3 + 4 + 4) + (2 + 2 + 2 + 3 + 3);
    assert_eq!(counts.copied_blocks, expected);
    let mut scheduler = Scheduler::new(limits, BlockPool::new(5, 4, true));
    scheduler.submit(TestRequest::new(&[1; 9], 11).queued(0));
    scheduler.plan(false);
    scheduler.push_token(RequestId(0), 1);
    let lack = Lack { wanted: 3, free: 2 };
    assert_eq!(scheduler.plan(false).lack, Some(lack));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn padding_and_moving_do_not_change_completions(
        requests in prop::collection::vec(any_request(), 1..14),
        limits in any_limits(), depth in 1usize..4, pad_to in 1usize..36,
    ) {
        let padded = Limits { pad_to: Some(pad_to), ..limits };
        let pool = BlockPool::new(MAX_BLOCKS, BLOCK_SIZE, true);
        let counts = simulate(padded, pool, depth, &requests);
        prop_assert!(counts.pads <= counts.prefilled && counts.max_chunks_per_step <= 1);
        if requests.iter().all(|request| request.aborts_after.is_none()) {
            let padded_len = |request: &TestRequest| request.prompt.len().max(pad_to);
            let computed = requests.iter().map(padded_len).sum::<usize>();
            prop_assert_eq!(counts.prefilled + counts.reused, computed);
        }
        simulate(padded, BlockPool::new(limits.slots, MAX_LEN, false), depth, &requests);
        let moved = Limits { moves: true, ..limits };
        let blocks = MAX_BLOCKS * (limits.slots + 1);
        simulate(moved, BlockPool::new(blocks, BLOCK_SIZE, true), depth, &requests);
    }
}
