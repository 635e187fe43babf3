//! Properties of random models: batches and threads don't change any bit, and results are close to the reference.

use llamaglass_shaders::{Heads, KV_BLOCK, Kv};
use llamaglass_types::InstructionSet;
use proptest::prelude::*;
use proptest::sample::select;

use super::random_model::RandomModel;
use super::{bits, reference};
use crate::kernels::Kernels;
use crate::testing::Random;
use crate::{Capacity, Dimensions, Model, Row};

/// Miri is a thousand times slower.
const CASES: u32 = if cfg!(miri) { 1 } else { 100 };
const MAX_THREADS: usize = if cfg!(miri) { 2 } else { 5 };

/// A model, and sequences that it computes.
#[derive(Clone, Debug)]
struct Case {
    dimensions: Dimensions,
    kv: Kv,
    set: InstructionSet,
    seed: u64,
    /// Number of tokens of each sequence.
    lengths: Vec<usize>,
    /// Maximum number of rows per step.
    rows: usize,
}

/// Sizes of rows: any, whole blocks of 32 values, and a whole block of 256.
fn any_size() -> BoxedStrategy<usize> {
    if cfg!(miri) {
        return (1usize..33).boxed();
    }
    prop_oneof![3 => 1usize..80, 3 => (1usize..5).prop_map(|n| 32 * n), 1 => Just(256)].boxed()
}

fn any_heads() -> impl Strategy<Value = Heads> {
    let dims = vec![2, 4, 6, 16, 20, 34, 64, 128];
    let widest = if cfg!(miri) { 24 } else { 512 };
    (1usize..4, 1usize..10, select(dims))
        .prop_filter("wide heads take long", move |(kv, shared, dim)| {
            kv * shared * dim <= widest
        })
        .prop_map(|(kv, shared, dim)| Heads {
            queries: kv * shared,
            kv,
            dim,
        })
}

fn any_dimensions() -> impl Strategy<Value = Dimensions> {
    let vocab = if cfg!(miri) { 1..20 } else { 1usize..100 };
    let sizes = (vocab, any_size(), any_size(), 0usize..3);
    (sizes, any_heads(), any::<bool>(), any::<bool>()).prop_map(
        |((vocab, hidden, ffn, layers), heads, halves, tied)| Dimensions {
            vocab,
            hidden,
            layers,
            heads,
            ffn,
            eps: 1e-5,
            halves,
            tied,
        },
    )
}

/// Cases of up to `sequences` sequences of up to `longest` tokens.
fn any_case(sequences: usize, longest: usize) -> impl Strategy<Value = Case> {
    let longest = if cfg!(miri) { 5 } else { longest };
    let sets: Vec<_> = Kernels::all().map(Kernels::instruction_set).collect();
    (
        any_dimensions(),
        select(Kv::ALL.to_vec()),
        select(sets),
        any::<u64>(),
        prop::collection::vec(1..=longest, 1..=sequences),
        1usize..50,
    )
        .prop_map(|(dimensions, kv, set, seed, lengths, rows)| Case {
            dimensions,
            kv,
            set,
            seed,
            lengths,
            rows,
        })
}

impl Case {
    fn context(&self) -> usize {
        self.lengths.iter().copied().max().unwrap_or(1)
    }

    /// Loads `model` with the blocks of all sequences in any order.
    fn load(&self, model: &RandomModel, threads: usize, random: &mut Random) -> Model {
        let slots = self.lengths.len();
        let per_slot = self.context().div_ceil(KV_BLOCK);
        let blocks = slots * per_slot + 1;
        let capacity = Capacity {
            rows: self.rows,
            outputs: self.rows,
            slots,
            context: self.context(),
            blocks,
            kv: self.kv,
        };
        let mut loaded = model.load(self.set, threads, capacity);
        let mut order: Vec<u32> = (0..blocks as u32).collect();
        shuffle(&mut order, random);
        for (slot, table) in order.chunks_exact(per_slot).take(slots).enumerate() {
            loaded.set_blocks(slot, 0, table).expect("in range");
        }
        loaded
    }

    /// Returns the token ids of each sequence.
    fn sequences(&self, random: &mut Random) -> Vec<Vec<u32>> {
        let mut id = || random.below(self.dimensions.vocab) as u32;
        let lengths = self.lengths.iter();
        lengths
            .map(|len| (0..*len).map(|_| id()).collect())
            .collect()
    }
}

fn shuffle<T>(values: &mut [T], random: &mut Random) {
    for i in (1..values.len()).rev() {
        values.swap(i, random.below(i + 1));
    }
}

fn row(sequences: &[Vec<u32>], slot: usize, position: usize) -> Row {
    Row {
        id: sequences[slot][position],
        position: position as u32,
        slot: slot as u32,
    }
}

/// Returns the logits of each row of each sequence, computed one row per step.
fn single_rows(model: &mut Model, sequences: &[Vec<u32>]) -> Vec<Vec<Vec<f32>>> {
    let slots = sequences.iter().enumerate();
    slots
        .map(|(slot, ids)| {
            let rows = (0..ids.len()).map(|position| row(sequences, slot, position));
            rows.map(|row| model.step(&[row], &[0]).expect("in range").to_vec())
                .collect()
        })
        .collect()
}

/// Computes all sequences in random steps on random numbers of threads, and compares the logits of random rows.
fn compare_batches(
    model: &mut Model,
    most_rows: usize,
    sequences: &[Vec<u32>],
    wanted: &[Vec<Vec<f32>>],
    random: &mut Random,
) -> Result<(), TestCaseError> {
    let mut computed = vec![0; sequences.len()];
    while computed
        .iter()
        .zip(sequences)
        .any(|(done, ids)| *done < ids.len())
    {
        model
            .runtime
            .pool
            .set_threads(1 + random.below(MAX_THREADS));
        let mut room = 1 + random.below(most_rows);
        let mut slots: Vec<usize> = (0..sequences.len()).collect();
        shuffle(&mut slots, random);
        let mut rows = Vec::new();
        for slot in slots {
            let most = room.min(sequences[slot].len() - computed[slot]);
            let count = random.below(most + 1);
            let positions = computed[slot]..computed[slot] + count;
            rows.extend(positions.map(|position| row(sequences, slot, position)));
            computed[slot] += count;
            room -= count;
        }
        let mut outputs: Vec<usize> = (0..rows.len()).filter(|_| random.below(2) == 0).collect();
        shuffle(&mut outputs, random);
        let vocab = model.dimensions().vocab;
        let logits = model.step(&rows, &outputs).expect("in range");
        prop_assert_eq!(logits.len(), outputs.len() * vocab);
        for (logits, output) in logits.chunks_exact(vocab).zip(outputs) {
            let Row { slot, position, .. } = rows[output];
            let wanted = &wanted[slot as usize][position as usize];
            prop_assert_eq!(bits(logits), bits(wanted), "row {} of {:?}", output, rows);
        }
    }
    Ok(())
}

/// Replaces some of the model's tensors by random bits, whose values include NaN, infinities and subnormal numbers.
fn randomise_bits(model: &mut RandomModel, random: &mut Random) {
    for matrix in &mut model.matrices {
        if random.below(4) == 0 {
            matrix.bytes.fill_with(|| random.bits() as u8);
        }
    }
    for (_, values) in &mut model.vectors {
        if random.below(8) == 0 {
            values.fill_with(|| f32::from_bits(random.bits() << 1));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(CASES)
    })]

    #[test]
    fn batches_and_threads_give_the_bits_of_single_rows(case in any_case(4, 150)) {
        let mut random = Random(case.seed);
        let model = RandomModel::new(case.dimensions.clone(), case.seed);
        let sequences = case.sequences(&mut random);
        let mut single = case.load(&model, 1, &mut random);
        let wanted = single_rows(&mut single, &sequences);
        let mut batched = case.load(&model, MAX_THREADS, &mut random);
        compare_batches(&mut batched, case.rows, &sequences, &wanted, &mut random)?;
    }

    #[test]
    fn batches_of_models_of_random_bits_equal_single_rows(case in any_case(3, 70)) {
        let mut random = Random(case.seed);
        let mut model = RandomModel::new(case.dimensions.clone(), case.seed);
        randomise_bits(&mut model, &mut random);
        let sequences = case.sequences(&mut random);
        let mut single = case.load(&model, 1, &mut random);
        let wanted = single_rows(&mut single, &sequences);
        let mut batched = case.load(&model, MAX_THREADS, &mut random);
        compare_batches(&mut batched, case.rows, &sequences, &wanted, &mut random)?;
    }

    #[test]
    fn forward_pass_is_close_to_the_reference(case in any_case(1, 80)) {
        let mut random = Random(case.seed);
        let model = RandomModel::new(case.dimensions.clone(), case.seed);
        let sequences = case.sequences(&mut random);
        let mut loaded = case.load(&model, 1, &mut random);
        let got = single_rows(&mut loaded, &sequences).concat().concat();
        let wanted = reference::logits(&model, case.kv, &sequences[0]);
        // A value of the cache may be rounded to the next f16.
        let tolerance = match case.kv {
            Kv::F32 => 2e-5,
            Kv::F16 => 2e-3,
        };
        let largest = wanted.iter().fold(1f32, |largest, logit| largest.max(logit.abs()));
        prop_assert_eq!(got.len(), wanted.len());
        for (index, (got, wanted)) in got.iter().zip(&wanted).enumerate() {
            let error = (got - wanted).abs();
            prop_assert!(error <= tolerance * largest, "{}: {}, not {}", index, got, wanted);
        }
    }
}
