//! Memory layout of matrices on the device: rows of blocks of 32 values. One buffer holds the quantised
//! numbers, which are read 16 bytes at a time; another holds the scales and other data that convert them to
//! values.

use strum::VariantNames;

/// Number of values per block.
pub const BLOCK: usize = 32;

pub(crate) const BLOCK_SOURCE: &str = include_str!("../wgsl/weights/block.wgsl");

/// Storage format of a matrix on the device: ggml's types, repacked without loss. The files in `wgsl/weights/`
/// document the position of each bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantNames, strum::VariantArray)]
pub enum Format {
    /// 32-bit float.
    F32,
    /// 16-bit float.
    F16,
    /// The upper half of a 32-bit float.
    #[strum(serialize = "BF16")]
    Bf16,
    /// 8 bits per value and one scale per block.
    Q8_0,
    /// 4 bits per value and one scale per block.
    Q4_0,
    /// 4 bits per value, one scale and one minimum per block.
    Q4_1,
    /// 5 bits per value and one scale per block.
    Q5_0,
    /// 5 bits per value, one scale and one minimum per block.
    Q5_1,
    /// 4 bits per value; a 6-bit scale and minimum per block, and a 16-bit scale and minimum per eight blocks.
    #[strum(serialize = "Q4_K")]
    Q4K,
    /// 5 bits per value; the same scales as `Q4K`.
    #[strum(serialize = "Q5_K")]
    Q5K,
    /// 6 bits per value; two 8-bit scales per block, and a 16-bit scale per eight blocks.
    #[strum(serialize = "Q6_K")]
    Q6K,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 11] = *<Self as strum::VariantArray>::VARIANTS
        .first_chunk()
        .expect("11 formats");

    /// ggml's name of the format.
    pub const fn name(self) -> &'static str {
        Self::VARIANTS[self as usize]
    }

    /// Number of values in a block of ggml's stored layout, and its number of bytes.
    pub const fn stored_block(self) -> (usize, usize) {
        match self {
            Self::F32 => (1, 4),
            Self::F16 | Self::Bf16 => (1, 2),
            Self::Q8_0 => (32, 34),
            Self::Q4_0 => (32, 18),
            Self::Q4_1 => (32, 20),
            Self::Q5_0 => (32, 22),
            Self::Q5_1 => (32, 24),
            Self::Q4K => (256, 144),
            Self::Q5K => (256, 176),
            Self::Q6K => (256, 210),
        }
    }

    /// Number of blocks in a row of `values`; the last block is padded with zeros.
    pub const fn blocks(values: usize) -> usize {
        values.div_ceil(BLOCK)
    }

    /// Number of 32-bit words for the numbers of a row of `blocks`.
    pub const fn quant_words(self, blocks: usize) -> usize {
        let per_block = match self {
            Self::F32 => 32,
            Self::F16 | Self::Bf16 => 16,
            Self::Q8_0 => 8,
            _ => 4,
        };
        per_block * blocks
    }

    /// Number of 32-bit words for the scales, minimums and upper bits of a row of `blocks`.
    pub const fn scale_words(self, blocks: usize) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => 0,
            Self::Q8_0 | Self::Q4_0 => blocks.div_ceil(2),
            Self::Q4_1 => blocks,
            Self::Q5_0 => blocks.div_ceil(2) * 3,
            Self::Q5_1 => 2 * blocks,
            Self::Q4K => blocks.div_ceil(8) * 5,
            Self::Q5K => blocks.div_ceil(8) * 13,
            Self::Q6K => blocks.div_ceil(8) * 21,
        }
    }

    /// Size of a row of `values` on the device, in bytes.
    pub const fn row_bytes(self, values: usize) -> usize {
        let blocks = Self::blocks(values);
        4 * (self.quant_words(blocks) + self.scale_words(blocks))
    }

    /// WGSL that extracts numbers from words, and WGSL that converts them to values.
    pub(crate) const fn sources(self) -> [&'static str; 2] {
        let halves = include_str!("../wgsl/weights/halves.wgsl");
        let bits_4 = include_str!("../wgsl/weights/bits4.wgsl");
        let bits_5 = include_str!("../wgsl/weights/bits5.wgsl");
        match self {
            Self::F32 => [include_str!("../wgsl/weights/f32.wgsl"), ""],
            Self::F16 => [include_str!("../wgsl/weights/f16.wgsl"), halves],
            Self::Bf16 => [include_str!("../wgsl/weights/bf16.wgsl"), halves],
            Self::Q8_0 => [
                include_str!("../wgsl/weights/bits8.wgsl"),
                include_str!("../wgsl/weights/q8_0.wgsl"),
            ],
            Self::Q4_0 => [bits_4, include_str!("../wgsl/weights/q4_0.wgsl")],
            Self::Q4_1 => [bits_4, include_str!("../wgsl/weights/q4_1.wgsl")],
            Self::Q5_0 => [bits_5, include_str!("../wgsl/weights/q5_0.wgsl")],
            Self::Q5_1 => [bits_5, include_str!("../wgsl/weights/q5_1.wgsl")],
            Self::Q4K => [bits_4, include_str!("../wgsl/weights/q4_k.wgsl")],
            Self::Q5K => [bits_5, include_str!("../wgsl/weights/q5_k.wgsl")],
            Self::Q6K => [
                include_str!("../wgsl/weights/bits6.wgsl"),
                include_str!("../wgsl/weights/q6_k.wgsl"),
            ],
        }
    }
}
