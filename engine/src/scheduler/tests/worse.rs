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
    for request in 0..2 {
        scheduler.submit(Asked {
            request: RequestId(request),
            priority: 0,
            ids: prompt.clone(),
            most: 12,
            waits: false,
            deadline_ms: None,
        });
    }
    let mut steps = Vec::new();
    for _ in 0..5 {
        let step = scheduler.plan(false);
        let [part] = &step.parts().cloned().collect::<Vec<_>>()[..] else {
            panic!("alone: {step:?}");
        };
        scheduler.landed(part);
        steps.push((part.range.clone(), part.pads, part.picks));
        if part.picks {
            scheduler.picked(part.request, 1);
        }
    }
    // Padding does not change the sizes of the steps, but the step that samples comes last.
    let wanted = [
        (0..8, 0, false),
        (16..24, 8, false),
        (24..29, 5, false),
        (8..16, 6, true),
        (10..11, 0, true),
    ];
    assert_eq!(steps, wanted);
}

#[test]
fn moving_sequence_gets_new_blocks_for_each_row() {
    let limits = Limits {
        moves: true,
        ..limits(2, Policy::PrefillFirst)
    };
    let all = [wanted(&[1; 9], 6), wanted(&[2; 5], 6)];
    let done = run(limits, BlockPool::new(12, 4, true), 4, 2, &all);
    // Rows at positions 9 to 13, and at 5 to 9; the first sample needs no move, since the prompt computes it.
    assert_eq!(done.copies, (3 + 3 + 3 + 4 + 4) + (2 + 2 + 2 + 3 + 3));
    let mut scheduler = Scheduler::new(limits, BlockPool::new(5, 4, true));
    scheduler.submit(Asked {
        request: RequestId(0),
        priority: 0,
        ids: vec![1; 9],
        most: 20,
        waits: false,
        deadline_ms: None,
    });
    scheduler.plan(false);
    scheduler.picked(RequestId(0), 1);
    let lack = Lack { wanted: 3, free: 2 };
    assert_eq!(scheduler.plan(false).lack, Some(lack));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn padding_and_moving_do_not_change_answers(
        all in prop::collection::vec(any_wanted(), 1..14),
        (slots, depth, pad_to) in (1usize..5, 1usize..4, 1usize..36),
        (rows, chains, balanced) in (1usize..24, any::<bool>(), any::<bool>()),
    ) {
        let (size, longest) = (4, 9);
        let policy = if balanced { Policy::Balanced } else { Policy::PrefillFirst };
        let limits = Limits { rows, chains, ..limits(slots, policy) };
        let padded = Limits { pad_to: Some(pad_to), ..limits };
        let done = run(padded, BlockPool::new(longest, size, true), size, depth, &all);
        prop_assert!(done.pads <= done.prompts && done.most_prompts <= 1);
        if all.iter().all(|w| w.ends_after.is_none()) {
            let computed = all.iter().map(|w| w.prompt.len().max(pad_to)).sum::<usize>();
            prop_assert_eq!(done.prompts + done.reused, computed);
        }
        run(padded, BlockPool::new(slots, 36, false), 36, depth, &all);
        let moved = Limits { moves: true, ..limits };
        let blocks = longest * (slots + 1);
        run(moved, BlockPool::new(blocks, size, true), size, depth, &all);
    }
}
