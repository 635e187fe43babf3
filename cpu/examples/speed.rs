//! Measures prefill and decode on random weights in SmolLM2-135M's shape, without a model file:
//!
//!     cargo run --release -p llamaglass-cpu --example speed -- Q4_1 2 avx512
//!
//! The arguments are the format, the number of threads and the instruction set; all are optional.

use std::error::Error;
use std::sync::LazyLock;
use std::time::Instant;

use llamaglass_cpu::{
    Capacity, Dimensions, LayerTensor, ModelBuilder, Projection, Row, Runtime, Tensor,
};
use llamaglass_shaders::{Format, Heads, KV_BLOCK, Kv};

/// Rows of the prompt, generated tokens, and repetitions of both.
const PROMPT: usize = 128;
const GENERATED: usize = 64;
const REPEAT: usize = 6;

fn clock() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64() * 1e3
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let format = arguments.first().map_or("Q4_1", String::as_str);
    let format = Format::ALL
        .into_iter()
        .find(|known| known.name() == format)
        .ok_or("unknown format")?;
    let threads = arguments.get(1).map_or(Ok(1), |text| text.parse())?;
    let set = arguments.get(2).map(|text| text.parse()).transpose()?;
    let dimensions = Dimensions {
        vocab: 49_152,
        hidden: 576,
        layers: 30,
        heads: Heads {
            queries: 9,
            kv: 3,
            dim: 64,
        },
        ffn: 1536,
        eps: 1e-5,
        halves: false,
        tied: true,
    };
    let runtime = Runtime::new(set, threads, clock)?;
    let mut builder = ModelBuilder::new(dimensions.clone(), runtime);
    let start = clock();
    // Bytes of 0x11 are small scales and numbers in every format.
    let stored = |rows: usize, columns: usize, format: Format| {
        let (values, bytes) = format.stored_block();
        vec![0x11; rows * columns / values * bytes]
    };
    // As in the default model's file.
    let ends = stored(dimensions.vocab, dimensions.hidden, Format::Q8_0);
    builder.matrix(Tensor::Embedding, Format::Q8_0, &ends)?;
    let ones = vec![1.0; dimensions.hidden];
    builder.vector(Tensor::OutputNorm, ones.clone())?;
    for layer in 0..dimensions.layers {
        for projection in Projection::ALL {
            let [rows, columns] = projection.shape(&dimensions);
            // K-quants need rows of whole blocks of 256 values.
            let fits = columns.is_multiple_of(format.stored_block().0);
            let format = if fits { format } else { Format::Q5_0 };
            let tensor = Tensor::Layer(layer, LayerTensor::Matrix(projection));
            builder.matrix(tensor, format, &stored(rows, columns, format))?;
        }
        for norm in [LayerTensor::AttnNorm, LayerTensor::FfnNorm] {
            builder.vector(Tensor::Layer(layer, norm), ones.clone())?;
        }
    }
    let context = PROMPT + GENERATED;
    let blocks = context.div_ceil(KV_BLOCK);
    let capacity = Capacity {
        rows: PROMPT,
        outputs: 1,
        slots: 1,
        context,
        blocks: blocks + 1,
        kv: Kv::F32,
    };
    let angles = vec![[1.0, 0.0]; context * dimensions.heads.dim / 2];
    let mut model = builder.build(capacity, angles)?;
    let table: Vec<u32> = (1..=blocks as u32).collect();
    model.set_blocks(0, 0, &table)?;
    println!(
        "{} {} threads, packed in {:.0} ms",
        model.instruction_set().label(),
        model.threads(),
        clock() - start
    );
    let row = |position: usize| Row {
        id: (position * 37 % 20_000) as u32,
        position: position as u32,
        slot: 0,
    };
    let prompt: Vec<Row> = (0..PROMPT).map(row).collect();
    let (mut prefill, mut decode) = (Vec::new(), Vec::new());
    for _ in 0..REPEAT {
        let start = clock();
        model.step(&prompt, &[PROMPT - 1])?;
        prefill.push(PROMPT as f64 * 1e3 / (clock() - start));
        model.take_times();
        let start = clock();
        for position in PROMPT..context {
            model.step(&[row(position)], &[0])?;
        }
        decode.push(GENERATED as f64 * 1e3 / (clock() - start));
    }
    for (what, rates) in [("prefill", &mut prefill), ("decode", &mut decode)] {
        rates.sort_by(f64::total_cmp);
        println!(
            "{what}: {:.0} tok/s ({:.0} to {:.0})",
            rates[REPEAT / 2],
            rates[0],
            rates[REPEAT - 1]
        );
    }
    for (part, ms) in model.take_times().iter() {
        println!("  {}: {:.3} ms/token", part.name(), ms / GENERATED as f64);
    }
    Ok(())
}
