//! Tests of whole models.

mod errors;
mod properties;
mod random_model;
mod reference;
mod special_values;

use llamaglass_shaders::{Format, Heads, Kv};
use llamaglass_types::InstructionSet;
use llamaglass_types::timing::ModelPart;

use super::*;
use crate::kernels::half_block;
use crate::testing::Random;
use random_model::RandomModel;

const SLOTS: usize = 3;
const CONTEXT: usize = 100;

fn dimensions() -> Dimensions {
    Dimensions {
        vocab: 70,
        hidden: 64,
        layers: 2,
        heads: Heads {
            queries: 4,
            kv: 2,
            dim: 20,
        },
        ffn: 96,
        eps: 1e-5,
        halves: true,
        tied: false,
    }
}

fn capacity(kv: Kv) -> Capacity {
    Capacity {
        rows: 20,
        outputs: 20,
        slots: SLOTS,
        context: CONTEXT,
        blocks: SLOTS * 2 + 1,
        kv,
    }
}

fn model(threads: usize, kv: Kv, set: Option<InstructionSet>) -> Model {
    let mut random = Random(7);
    let dimensions = dimensions();
    let runtime = Runtime::new(set, threads, || 0.0).expect("a runtime");
    let mut builder = ModelBuilder::new(dimensions.clone(), runtime);
    let mut matrix = |builder: &mut ModelBuilder, tensor, format, [rows, columns]: [usize; 2]| {
        let stored = random.stored(format, rows, columns);
        builder.matrix(tensor, format, &stored).expect("fits");
    };
    let ends = [dimensions.vocab, dimensions.hidden];
    matrix(&mut builder, Tensor::Embedding, Format::Q8_0, ends);
    matrix(&mut builder, Tensor::Output, Format::F16, ends);
    for layer in 0..dimensions.layers {
        for projection in Projection::ALL {
            let shape = projection.shape(&dimensions);
            let format = match projection {
                // 80 columns are not whole blocks of 32.
                Projection::AttnOutput => Format::F32,
                Projection::Value => Format::Q5_1,
                _ => Format::Q4_1,
            };
            let tensor = LayerTensor::Matrix(projection);
            matrix(&mut builder, Tensor::Layer(layer, tensor), format, shape);
        }
    }
    let ones = vec![1.0; dimensions.hidden];
    builder
        .vector(Tensor::OutputNorm, ones.clone())
        .expect("fits");
    for layer in 0..dimensions.layers {
        for norm in [LayerTensor::AttnNorm, LayerTensor::FfnNorm] {
            builder
                .vector(Tensor::Layer(layer, norm), ones.clone())
                .expect("fits");
        }
        let bias = LayerTensor::Bias(Projection::Key);
        let values = random.values(40);
        builder
            .vector(Tensor::Layer(layer, bias), values)
            .expect("fits");
    }
    let half = dimensions.heads.dim / 2;
    let angles = (0..CONTEXT * half)
        .map(|i| ((i / half) as f32 / (1 + i % half) as f32).sin_cos())
        .map(|(sin, cos)| [cos, sin]);
    let mut model = builder
        .build(capacity(kv), angles.collect())
        .expect("complete");
    for slot in 0..SLOTS {
        let first = 1 + 2 * slot as u32;
        model
            .set_blocks(slot, 0, &[first, first + 1])
            .expect("in range");
    }
    model
}

fn rows(slot: u32, from: u32, count: u32) -> Vec<Row> {
    let row = |position| Row {
        id: (position * 31 + slot * 7) % 70,
        position,
        slot,
    };
    (from..from + count).map(row).collect()
}

/// Returns the bits of each logit, the same for every NaN.
fn bits(logits: &[f32]) -> Vec<u32> {
    let same_nan = |logit: &f32| if logit.is_nan() { f32::NAN } else { *logit };
    logits
        .iter()
        .map(|logit| same_nan(logit).to_bits())
        .collect()
}

#[test]
fn batches_and_threads_give_the_bits_of_single_rows() {
    for set in Kernels::all().map(Kernels::instruction_set) {
        for kv in Kv::ALL {
            let mut single = model(1, kv, Some(set));
            let sequences = [rows(0, 0, 70), rows(1, 0, 5), rows(2, 0, 1)];
            let wanted: Vec<Vec<u32>> = sequences
                .iter()
                .map(|rows| {
                    let mut last = Vec::new();
                    for row in rows {
                        last = bits(single.step(&[*row], &[0]).expect("in range"));
                    }
                    last
                })
                .collect();
            for threads in [1, 2, 5] {
                let mut model = model(threads, kv, Some(set));
                for chunk in [
                    &sequences[0][..13],
                    &sequences[0][13..33],
                    &sequences[0][33..52],
                ] {
                    assert!(model.step(chunk, &[]).expect("in range").is_empty());
                }
                // The end of one sequence and all of the others, in one step.
                let mut step = sequences[0][52..66].to_vec();
                model.step(&step, &[]).expect("in range");
                step = sequences[0][66..].to_vec();
                step.extend(&sequences[1]);
                step.extend(&sequences[2]);
                let got = bits(model.step(&step, &[3, 8, 9]).expect("in range"));
                assert_eq!(got, wanted.concat(), "{set:?} {kv:?} {threads}");
                assert_eq!(model.take_times().get(ModelPart::Head), 0.0);
            }
        }
    }
}

#[test]
fn step_without_rows_computes_nothing() {
    let mut model = model(2, Kv::F32, None);
    assert!(model.step(&[], &[]).expect("in range").is_empty());
    assert!(
        model
            .residuals(&[])
            .expect("in range")
            .iter()
            .all(Vec::is_empty)
    );
}

#[test]
fn same_row_may_be_an_output_more_than_once() {
    let mut model = model(1, Kv::F32, None);
    let row = rows(0, 0, 1)[0];
    let wanted = bits(model.step(&[row], &[0]).expect("in range"));
    let got = bits(model.step(&[row], &[0; 20]).expect("in range"));
    assert_eq!(got, wanted.repeat(20));
}

#[test]
fn copied_blocks_continue_a_sequence() {
    let mut model = model(2, Kv::F32, None);
    let sequence = rows(0, 0, 30);
    model.step(&sequence[..20], &[]).expect("in range");
    model.copy_blocks(1, 5, 1).expect("in range");
    let wanted = bits(model.step(&sequence[20..], &[9]).expect("in range"));
    let continued: Vec<Row> = sequence[20..]
        .iter()
        .map(|row| Row { slot: 2, ..*row })
        .collect();
    assert_eq!(
        bits(model.step(&continued, &[9]).expect("in range")),
        wanted
    );
}

#[test]
fn residuals_end_with_the_stream_that_the_head_sees() {
    let mut model = model(2, Kv::F32, None);
    let residuals = model.residuals(&rows(0, 0, 3)).expect("in range");
    assert_eq!(residuals.len(), 3);
    assert!(residuals.iter().all(|stream| stream.len() == 3 * 64));
    let embedded = half_block(&model.weights.embedding, 0, 0);
    assert_eq!(residuals[0][..16], embedded);
}
