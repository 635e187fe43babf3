//! NaN, infinities and subnormal numbers in weights: they stay in their sequence, and nothing panics.

use llamaglass_shaders::{Format, Kv};

use super::random_model::{RandomModel, StoredMatrix};
use super::{bits, capacity, dimensions, rows};
use crate::kernels::Kernels;
use crate::testing::Random;
use crate::{Dimensions, Model, Row, Tensor};

/// Token whose embedding has a special value.
const SPECIAL_ID: u32 = 3;

/// Returns a model with `value` in the embedding of [`SPECIAL_ID`].
fn special_model(value: f32) -> RandomModel {
    let mut model = RandomModel::new(dimensions(), 5);
    let Dimensions { vocab, hidden, .. } = model.dimensions;
    let mut bytes = Random(6).weights(Format::F32, vocab, hidden, 1.0);
    let at = 4 * (SPECIAL_ID as usize * hidden + 7);
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    model.matrices[0] = StoredMatrix {
        tensor: Tensor::Embedding,
        format: Format::F32,
        columns: hidden,
        bytes,
    };
    model
}

/// Returns rows of a sequence from position `from` on, all with the token `id` if there is one.
fn sequence(slot: u32, from: u32, count: u32, id: Option<u32>) -> Vec<Row> {
    let mut rows = rows(slot, from, count);
    for row in &mut rows {
        // None of them has the special token by itself.
        row.id = id.unwrap_or(10 + row.id % 50);
    }
    rows
}

fn load(model: &RandomModel, kernels: Kernels, kv: Kv) -> Model {
    let mut model = model.load(kernels.instruction_set(), 2, capacity(kv));
    for (slot, table) in [[1, 2], [3, 4]].iter().enumerate() {
        model.set_blocks(slot, 0, table).expect("in range");
    }
    model
}

/// Computes 70 positions of slot 1 in chunks, each together with `others`, and returns the logits' bits.
fn run_sequence(model: &mut Model, others: impl Fn(u32, u32) -> Vec<Row>) -> Vec<Vec<u32>> {
    let mut all = Vec::new();
    for (from, count) in [
        (0, 9),
        (9, 1),
        (10, 10),
        (20, 10),
        (30, 10),
        (40, 10),
        (50, 10),
        (60, 10),
    ] {
        let mut rows = others(from, count);
        let first = rows.len();
        rows.extend(sequence(1, from, count, None));
        let outputs: Vec<usize> = (first..rows.len()).collect();
        let logits = model.step(&rows, &outputs).expect("in range");
        let vocab = logits.len() / outputs.len();
        all.extend(logits.chunks_exact(vocab).map(bits));
    }
    all
}

#[test]
fn special_values_of_a_sequence_do_not_reach_others() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 1e-40] {
        let stored = special_model(value);
        for kernels in Kernels::all() {
            for kv in Kv::ALL {
                let case = format!("{value} {kernels:?} {kv:?}");
                let wanted = run_sequence(&mut load(&stored, kernels, kv), |_, _| Vec::new());
                let mut model = load(&stored, kernels, kv);
                let special = |from, count| sequence(0, from, count, Some(SPECIAL_ID));
                let got = run_sequence(&mut model, special);
                assert_eq!(got, wanted, "in the same batch: {case}");
                // The blocks of slot 0 are full of what the special token left.
                model.set_blocks(1, 0, &[2, 1]).expect("in range");
                let got = run_sequence(&mut model, |_, _| Vec::new());
                assert_eq!(got, wanted, "in the same cache blocks: {case}");
            }
        }
    }
}

#[test]
fn nan_of_a_token_is_in_all_its_logits() {
    let stored = special_model(f32::NAN);
    for kernels in Kernels::all() {
        let mut model = load(&stored, kernels, Kv::F32);
        let rows = [sequence(0, 0, 1, Some(SPECIAL_ID)), sequence(0, 1, 2, None)].concat();
        let logits = model.step(&rows, &[0, 2]).expect("in range");
        assert!(logits.iter().all(|logit| logit.is_nan()), "{kernels:?}");
    }
}
