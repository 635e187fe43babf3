//! Span trees and differences of hand-made runs.

use super::*;
use crate::measure::Verdict;
use crate::testing;
use llamaglass_types::timing::{ModelPart, RequestTiming, Span, StepKind, StepTiming};

fn step(
    kind: StepKind,
    tokens: u32,
    start_ms: f64,
    pairs: &[(Span, f64)],
    rest: f64,
) -> StepTiming {
    let wall_ms = pairs.iter().map(|pair| pair.1).sum::<f64>() + rest;
    StepTiming {
        tokens,
        ..testing::step(kind, start_ms, wall_ms, pairs)
    }
}

/// A prefill of 20 ms and two decode steps whose `plan` takes 1 ms plus `more_plan_ms`; 2 ms pass between steps.
fn record(more_plan_ms: f64, noise: f64) -> Record {
    let decode = [(Span::Plan, 1.0 + more_plan_ms), (Span::Gpu, 9.0 + noise)];
    let prefill = [(Span::Encode, 5.0), (Span::Gpu, 15.0)];
    let wall = 10.5 + more_plan_ms + noise;
    Record {
        request: Some(RequestTiming {
            spans: vec![(Span::Template, 1.0), (Span::Queue, 3.0)].into(),
            clock: testing::CLOCK,
        }),
        steps: vec![
            step(StepKind::Prefill, 30, 0.0, &prefill, 0.0),
            step(StepKind::Decode, 1, 21.0, &decode, 0.5),
            step(StepKind::Decode, 1, 22.0 + wall, &decode, 0.5),
        ],
        ids: vec![1, 2, 3],
        ..Record::default()
    }
}

#[test]
fn tree_matches_hand_computed_times() {
    let data = ChainData::of("d".into(), &[record(0.0, 0.0), record(0.0, 0.0)]);
    // Per request: 4 ms before the steps, 20 of prefill, 21 of decode, 2 between steps.
    let tree = &data.tree;
    assert_eq!((tree.count, tree.total_ms, tree.mean_ms), (2, 94.0, 47.0));
    let gpu = tree
        .find(&["decode", "forward", "gpu"])
        .expect("it happened");
    assert_eq!((gpu.count, gpu.total_ms, gpu.p99_ms), (4, 36.0, 9.0));
    assert_eq!(gpu.share, 36.0 / 94.0);
    let prefill = tree.find(&["prefill"]).expect("it happened");
    assert_eq!((prefill.positions, prefill.total_ms), (Some(60), 40.0));
    assert!(tree.find(&["prefill", "sampling"]).is_none());
    assert_eq!(
        tree.find(&["between steps"]).map(|node| node.total_ms),
        Some(4.0)
    );
    // Half a millisecond in each of the four decode steps, and 2 ms between the steps of each request.
    assert_eq!((data.residue_ms, data.residue_share), (6.0, 6.0 / 94.0));
}

#[test]
fn child_times_add_up_to_parent_time() {
    fn check(node: &ChainNode) {
        if !node.children.is_empty() {
            let sum: f64 = node.children.iter().map(|child| child.total_ms).sum();
            assert!((sum - node.total_ms).abs() < 1e-9, "{}: {sum}", node.name);
        }
        node.children.iter().for_each(check);
    }
    check(&ChainNode::of(&[record(0.3, 0.1), record(2.0, -0.2)]));
}

#[test]
fn parts_of_the_model_are_children_of_compute() {
    let mut record = record(0.0, 0.0);
    for step in &mut record.steps[1..] {
        step.spans = vec![(Span::Plan, 1.0), (Span::Compute, 9.0)].into();
        step.parts = Some(vec![(ModelPart::Norm, 2.0), (ModelPart::Head, 6.0)].into());
    }
    let data = ChainData::of("d".into(), &[record]);
    let compute = data.tree.find(&["decode", "forward", "compute"]);
    let children = compute.expect("it happened").children.iter();
    let children: Vec<_> = children
        .map(|child| (&*child.name, child.count, child.total_ms))
        .collect();
    let expected = [
        ("norm", 2, 4.0),
        ("head", 2, 12.0),
        ("rest of compute", 2, 2.0),
    ];
    assert_eq!(children, expected);
    // Only what no span covers: half a millisecond per decode step, and 2 ms between steps.
    assert_eq!(data.residue_ms, 3.0);
}

#[test]
fn headline_names_span_with_largest_growth() {
    let noise = [0.3, -0.4, 0.1, 0.0, -0.2];
    let first: Vec<Record> = noise.iter().map(|noise| record(0.0, *noise)).collect();
    let second: Vec<Record> = noise.iter().map(|noise| record(7.0, -*noise)).collect();
    let diff = ChainDiff::of(&first, &second);
    let worst = &diff.spans[0];
    assert_eq!(worst.path, ["decode", "preprocess", "plan"]);
    assert!((worst.growth_each_ms - 7.0).abs() < 1e-9);
    assert!((worst.a_request.difference.median - 14.0).abs() < 1e-9);
    let text = diff.headline().text;
    assert!(
        text.starts_with("plan of decode grew the most: by 7"),
        "{text}"
    );
    let none = ChainDiff::of(&first, &first);
    assert!(
        none.spans
            .iter()
            .all(|of| of.a_request.verdict == Verdict::NoDifferenceMeasured)
    );
    assert_eq!(
        none.headline().text,
        "No difference measured: no span grew."
    );
}

#[test]
fn headline_names_extra_positions_when_prompts_are_padded() {
    let first: Vec<Record> = (0..4).map(|_| record(0.0, 0.0)).collect();
    let mut second = first.clone();
    for record in &mut second {
        let pads = step(StepKind::Prefill, 4066, -300.0, &[(Span::Gpu, 285.0)], 0.0);
        record.steps.insert(0, pads);
    }
    let text = ChainDiff::of(&first, &second).headline().text;
    assert_eq!(
        text,
        "prefill grew the most: by 285 ms/request (95 % interval 285 to 285), with 4,096 positions computed instead of 30; gpu is 285 ms of it."
    );
}
