//! Encodes what a model's calls take and return as numbers, for a caller whose memory the model can't read: in a
//! browser, the model is in a WebAssembly module of its own.

use llamaglass_shaders::{Format, Heads, Kv};
use llamaglass_types::timing::{ModelPart, PartTimes};

use crate::model::{
    Capacity, Dimensions, KernelName, KernelTime, LayerTensor, Projection, Row, Tensor,
};

/// Number of words of [`Dimensions`].
pub const DIMENSION_WORDS: usize = 10;
/// Number of words of [`Capacity`].
pub const CAPACITY_WORDS: usize = 6;
/// Number of words of a [`Row`].
pub const ROW_WORDS: usize = 3;
/// Number of values of a [`KernelTime`].
pub const KERNEL_TIME_VALUES: usize = 5;
/// Number of values of [`PartTimes`].
pub const PART_TIME_VALUES: usize = ModelPart::ALL.len();

/// Word for a layer that a kernel time does not have.
const NO_LAYER: f64 = -1.0;

impl Dimensions {
    /// Encodes the dimensions.
    pub const fn to_words(&self) -> [u32; DIMENSION_WORDS] {
        [
            self.vocab as u32,
            self.hidden as u32,
            self.layers as u32,
            self.heads.queries as u32,
            self.heads.kv as u32,
            self.heads.dim as u32,
            self.ffn as u32,
            self.eps.to_bits(),
            self.halves as u32,
            self.tied as u32,
        ]
    }

    /// Decodes dimensions.
    pub const fn from_words(words: [u32; DIMENSION_WORDS]) -> Self {
        let [
            vocab,
            hidden,
            layers,
            queries,
            kv,
            dim,
            ffn,
            eps,
            halves,
            tied,
        ] = words;
        Self {
            vocab: vocab as usize,
            hidden: hidden as usize,
            layers: layers as usize,
            heads: Heads {
                queries: queries as usize,
                kv: kv as usize,
                dim: dim as usize,
            },
            ffn: ffn as usize,
            eps: f32::from_bits(eps),
            halves: halves != 0,
            tied: tied != 0,
        }
    }
}

impl Capacity {
    /// Encodes the capacity.
    pub const fn to_words(&self) -> [u32; CAPACITY_WORDS] {
        [
            self.rows as u32,
            self.outputs as u32,
            self.slots as u32,
            self.context as u32,
            self.blocks as u32,
            self.kv as u32,
        ]
    }

    /// Decodes a capacity.
    pub const fn from_words(words: [u32; CAPACITY_WORDS]) -> Self {
        let [rows, outputs, slots, context, blocks, kv] = words;
        Self {
            rows: rows as usize,
            outputs: outputs as usize,
            slots: slots as usize,
            context: context as usize,
            blocks: blocks as usize,
            kv: if kv == Kv::F16 as u32 {
                Kv::F16
            } else {
                Kv::F32
            },
        }
    }
}

impl Row {
    /// Encodes the row.
    pub const fn to_words(&self) -> [u32; ROW_WORDS] {
        [self.id, self.position, self.slot]
    }

    /// Decodes a row.
    pub const fn from_words([id, position, slot]: [u32; ROW_WORDS]) -> Self {
        Self { id, position, slot }
    }
}

impl Tensor {
    /// Tensors outside of layers.
    const OUTER: [Self; 3] = [Self::Embedding, Self::OutputNorm, Self::Output];

    /// Encodes the tensor: its kind, and its layer.
    pub const fn to_words(self) -> [u32; 2] {
        let norms = Self::OUTER.len() as u32;
        let matrices = norms + 2;
        let biases = matrices + Projection::ALL.len() as u32;
        match self {
            Self::Embedding => [0, 0],
            Self::OutputNorm => [1, 0],
            Self::Output => [2, 0],
            Self::Layer(layer, tensor) => {
                let kind = match tensor {
                    LayerTensor::AttnNorm => norms,
                    LayerTensor::FfnNorm => norms + 1,
                    LayerTensor::Matrix(projection) => matrices + projection as u32,
                    LayerTensor::Bias(projection) => biases + projection as u32,
                };
                [kind, layer as u32]
            }
        }
    }

    /// Decodes a tensor; `None` if there is no such kind.
    pub fn from_words([kind, layer]: [u32; 2]) -> Option<Self> {
        let norms = [LayerTensor::AttnNorm, LayerTensor::FfnNorm];
        let of_layer = norms
            .into_iter()
            .chain(Projection::ALL.map(LayerTensor::Matrix))
            .chain(Projection::ALL.map(LayerTensor::Bias));
        let of_layer = of_layer.map(|tensor| Self::Layer(layer as usize, tensor));
        Self::OUTER.into_iter().chain(of_layer).nth(kind as usize)
    }
}

/// Encodes a format.
pub fn format_to_word(format: Format) -> u32 {
    let index = Format::ALL.into_iter().position(|known| known == format);
    index.unwrap_or_default() as u32
}

/// Decodes a format; `None` if there is none with this number.
pub fn format_from_word(word: u32) -> Option<Format> {
    Format::ALL.get(word as usize).copied()
}

impl KernelTime {
    /// Encodes the time. Bytes and operations are exact up to 2^53.
    pub fn to_values(&self) -> [f64; KERNEL_TIME_VALUES] {
        [
            f64::from(self.kernel as u32),
            self.layer.map_or(NO_LAYER, |layer| layer as f64),
            self.ms,
            self.bytes as f64,
            self.flop as f64,
        ]
    }

    /// Decodes a time; `None` if there is no such kernel.
    pub fn from_values(
        [kernel, layer, ms, bytes, flop]: [f64; KERNEL_TIME_VALUES],
    ) -> Option<Self> {
        Some(Self {
            kernel: *KernelName::ALL.get(kernel as usize)?,
            layer: (layer >= 0.0).then_some(layer as usize),
            ms,
            bytes: bytes as u64,
            flop: flop as u64,
        })
    }
}

/// Encodes the times of a model's parts.
pub fn part_times_to_values(times: &PartTimes) -> [f64; PART_TIME_VALUES] {
    ModelPart::ALL.map(|part| times.get(part))
}

/// Decodes the times of a model's parts.
pub fn part_times_from_values(values: [f64; PART_TIME_VALUES]) -> PartTimes {
    let mut times = PartTimes::default();
    for (part, ms) in ModelPart::ALL.into_iter().zip(values) {
        times.add(part, ms);
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_and_capacity_survive_encoding() {
        for flag in [false, true] {
            let dimensions = Dimensions {
                vocab: 1,
                hidden: 2,
                layers: 3,
                heads: Heads {
                    queries: 4,
                    kv: 5,
                    dim: 6,
                },
                ffn: 7,
                eps: 1e-5,
                halves: flag,
                tied: !flag,
            };
            assert_eq!(Dimensions::from_words(dimensions.to_words()), dimensions);
        }
        for kv in Kv::ALL {
            let capacity = Capacity {
                rows: 1,
                outputs: 2,
                slots: 3,
                context: 4,
                blocks: 5,
                kv,
            };
            assert_eq!(Capacity::from_words(capacity.to_words()), capacity);
        }
    }

    #[test]
    fn tensors_survive_encoding() {
        let mut count = 0;
        while let Some(tensor) = Tensor::from_words([count, 9]) {
            let expected = match tensor {
                Tensor::Layer(layer, _) => [count, layer as u32],
                _ => [count, 0],
            };
            assert_eq!(tensor.to_words(), expected);
            count += 1;
        }
        assert_eq!(count, 3 + 2 + 7 + 7);
    }

    #[test]
    fn formats_survive_encoding() {
        for format in Format::ALL {
            assert_eq!(format_from_word(format_to_word(format)), Some(format));
        }
        assert_eq!(format_from_word(99), None);
    }

    #[test]
    fn times_survive_encoding() {
        for kernel in KernelName::ALL {
            for layer in [None, Some(0), Some(31)] {
                let time = KernelTime {
                    kernel,
                    layer,
                    ms: 0.5,
                    bytes: 1 << 40,
                    flop: 3,
                };
                assert_eq!(KernelTime::from_values(time.to_values()), Some(time));
            }
        }
        assert_eq!(KernelTime::from_values([99.0, 0.0, 0.0, 0.0, 0.0]), None);
        let mut times = PartTimes::default();
        times.add(ModelPart::Head, 2.5);
        assert_eq!(part_times_from_values(part_times_to_values(&times)), times);
    }

    #[test]
    fn rows_survive_encoding() {
        let row = Row {
            id: 1,
            position: 2,
            slot: 3,
        };
        assert_eq!(Row::from_words(row.to_words()), row);
    }
}
