//! A small model of random weights.

use llamaglass_cpu::{Capacity, Dimensions, LayerTensor, ModelError, Projection, Row, Tensor};
use llamaglass_cpu_host::{CpuModel, CpuModelBuilder, Files};
use llamaglass_shaders::{Format, Heads, Kv};

/// Maximum number of positions.
const CONTEXT: usize = 128;
/// Size of a head.
const HEAD: usize = 32;

/// Returns the model's dimensions.
pub fn dimensions() -> Dimensions {
    Dimensions {
        vocab: 300,
        hidden: 256,
        layers: 2,
        heads: Heads {
            queries: 8,
            kv: 4,
            dim: HEAD,
        },
        ffn: 512,
        eps: 1e-5,
        halves: true,
        tied: true,
    }
}

/// Begins a model with up to `threads` threads and loads all of its tensors.
pub async fn builder(files: &Files, threads: usize) -> Result<CpuModelBuilder, ModelError> {
    let dimensions = dimensions();
    let mut builder = CpuModelBuilder::begin(files, dimensions.clone(), threads).await?;
    let mut random = Random(1);
    let (vocab, hidden) = (dimensions.vocab, dimensions.hidden);
    let embedding = random.matrix(Format::Q8_0, vocab, hidden);
    builder.matrix(Tensor::Embedding, Format::Q8_0, &embedding)?;
    builder.vector(Tensor::OutputNorm, vec![1.0; hidden])?;
    let formats = [Format::Q4_0, Format::Q4_1, Format::Q5_0, Format::F16];
    for layer in 0..dimensions.layers {
        for (projection, format) in Projection::ALL.into_iter().zip(formats.into_iter().cycle()) {
            let [rows, columns] = projection.shape(&dimensions);
            let tensor = Tensor::Layer(layer, LayerTensor::Matrix(projection));
            builder.matrix(tensor, format, &random.matrix(format, rows, columns))?;
        }
        for norm in [LayerTensor::AttnNorm, LayerTensor::FfnNorm] {
            builder.vector(Tensor::Layer(layer, norm), vec![1.0; hidden])?;
        }
    }
    Ok(builder)
}

/// Completes the model, with a table for the first sequence.
pub fn build(builder: CpuModelBuilder) -> Result<CpuModel, ModelError> {
    let capacity = Capacity {
        rows: 32,
        outputs: 2,
        slots: 1,
        context: CONTEXT,
        blocks: 3,
        kv: Kv::F32,
    };
    let angles = (0..CONTEXT * HEAD / 2).map(|index| {
        let (position, pair) = (index / (HEAD / 2), index % (HEAD / 2));
        let (sin, cos) = (position as f32 / (1 << pair) as f32).sin_cos();
        [cos, sin]
    });
    let mut model = builder.build(capacity, angles.collect())?;
    model.set_blocks(0, 0, &[1, 2])?;
    Ok(model)
}

/// Returns `count` rows from `position` on.
pub fn rows(position: usize, count: usize) -> Vec<Row> {
    (position..position + count)
        .map(|position| Row {
            id: (position * 37 % 300) as u32,
            position: position as u32,
            slot: 0,
        })
        .collect()
}

/// A generator of random numbers (xorshift).
struct Random(u64);

impl Random {
    fn byte(&mut self) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u8
    }

    /// Returns a stored matrix whose scales are small.
    fn matrix(&mut self, format: Format, rows: usize, columns: usize) -> Vec<u8> {
        let (values, bytes) = format.stored_block();
        let mut stored: Vec<u8> = (0..rows * columns / values * bytes)
            .map(|_| self.byte())
            .collect();
        // Every block begins with an f16, and some with two: 0x2000 is about 0.008.
        let scale_bytes = if format == Format::Q4_1 { 4 } else { 2 };
        for block in stored.chunks_exact_mut(bytes) {
            for scale in block[..scale_bytes].as_chunks_mut().0 {
                let [low, _] = *scale;
                *scale = [low, 0x20];
            }
        }
        stored
    }
}
