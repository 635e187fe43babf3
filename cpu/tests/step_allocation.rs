//! A step of the model allocates nothing, on any thread.

#![cfg(not(target_arch = "wasm32"))]

mod counting_allocator;

use std::sync::LazyLock;
use std::time::Instant;

use counting_allocator::allocations;
use llamaglass_cpu::{
    Capacity, Dimensions, LayerTensor, Model, ModelBuilder, Projection, Row, Runtime, Tensor,
};
use llamaglass_shaders::{Format, Heads, Kv};

const SLOTS: usize = 3;

/// Returns a model that has a matrix of every format.
fn model(threads: usize, kv: Kv) -> Model {
    let dimensions = Dimensions {
        vocab: 40,
        hidden: 256,
        layers: 2,
        heads: Heads {
            queries: 8,
            kv: 4,
            dim: 32,
        },
        ffn: 256,
        eps: 1e-5,
        halves: true,
        tied: false,
    };
    let runtime = Runtime::new(None, threads, clock).expect("a runtime");
    let mut builder = ModelBuilder::new(dimensions.clone(), runtime);
    let mut formats = Format::ALL.into_iter().cycle();
    let mut matrix = |builder: &mut ModelBuilder, tensor, [rows, columns]: [usize; 2]| {
        let format = formats.next().expect("a cycle");
        let (values, bytes) = format.stored_block();
        // Small numbers in every format.
        let stored = vec![0x11; rows * columns / values * bytes];
        builder.matrix(tensor, format, &stored).expect("fits");
    };
    let ends = [dimensions.vocab, dimensions.hidden];
    matrix(&mut builder, Tensor::Embedding, ends);
    matrix(&mut builder, Tensor::Output, ends);
    let ones = vec![1.0; dimensions.hidden];
    builder
        .vector(Tensor::OutputNorm, ones.clone())
        .expect("fits");
    for layer in 0..dimensions.layers {
        for projection in Projection::ALL {
            let shape = projection.shape(&dimensions);
            let tensor = LayerTensor::Matrix(projection);
            matrix(&mut builder, Tensor::Layer(layer, tensor), shape);
            let bias = Tensor::Layer(layer, LayerTensor::Bias(projection));
            builder.vector(bias, vec![0.1; shape[0]]).expect("fits");
        }
        for norm in [LayerTensor::AttnNorm, LayerTensor::FfnNorm] {
            builder
                .vector(Tensor::Layer(layer, norm), ones.clone())
                .expect("fits");
        }
    }
    let capacity = Capacity {
        rows: 48,
        outputs: 8,
        slots: SLOTS,
        context: 128,
        blocks: 2 * SLOTS,
        kv,
    };
    let angles = vec![[1.0, 0.0]; capacity.context * dimensions.heads.dim / 2];
    builder.build(capacity, angles).expect("complete")
}

fn clock() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64() * 1e3
}

fn rows(slot: u32, from: u32, count: u32) -> impl Iterator<Item = Row> {
    (from..from + count).map(move |position| Row {
        id: position % 40,
        position,
        slot,
    })
}

#[test]
fn steps_allocate_nothing() {
    let decoding = (0..SLOTS as u32).flat_map(|slot| rows(slot, 70, 1));
    // Rows, and those that get logits.
    let steps: [(Vec<Row>, Vec<usize>); 6] = [
        (rows(0, 0, 48).collect(), vec![]),
        (rows(1, 0, 48).collect(), vec![47]),
        (rows(0, 48, 22).collect(), vec![0, 1, 2, 20, 21]),
        (rows(0, 70, 1).collect(), vec![0]),
        (decoding.collect(), vec![0, 1, 2]),
        (rows(2, 0, 13).chain(rows(0, 70, 1)).collect(), vec![13, 12]),
    ];
    for threads in [1, 3] {
        for kv in Kv::ALL {
            let mut model = model(threads, kv);
            let mut run = || {
                for slot in 0..SLOTS {
                    let first = 2 * slot as u32;
                    model
                        .set_blocks(slot, 0, &[first, first + 1])
                        .expect("in range");
                }
                model.copy_blocks(0, 2, 2).expect("in range");
                for (rows, outputs) in &steps {
                    let logits = model.step(rows, outputs).expect("in range");
                    assert_eq!(logits.len(), 40 * outputs.len());
                    assert!(logits.iter().all(|logit| logit.is_finite()));
                    model.logits(rows, &[0]).expect("in range");
                }
                model.take_times();
            };
            // Starts the threads.
            run();
            let before = allocations();
            for _ in 0..20 {
                run();
            }
            assert_eq!(allocations() - before, 0, "{threads} threads, {kv:?}");
        }
    }
}
