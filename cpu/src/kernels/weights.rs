//! Numbers and scales of each format: `unpack` of the shaders crate, for the lanes of a vector.

use crate::matrix::RowWords;
use crate::vector::{Vector, Words, half, lanes};

/// Steps in which a block is read.
pub const STEPS: usize = 4;
/// Numbers of each half block per step.
pub const NUMBERS: usize = 4;

/// How a format stores a block of 32 values of each row. Number i is multiplied by the scale of its half, i / 16,
/// and the half's minimum is added.
///
/// A block is read in four steps: step j has numbers 4j to 4j + 3 of both halves, because 4-bit formats store
/// those in the same word.
pub trait Weights {
    /// Words of numbers per block.
    const WORDS: usize;
    /// Value added to each number before it is scaled.
    const OFFSET: f32 = 0.0;
    /// True if the halves of a block have scales of their own.
    const HALF_SCALES: bool = false;

    /// Scales, minimums and upper bits of block `block`, for the lanes from `first` on.
    fn scales<const N: usize>(scales: &[RowWords], block: usize, first: usize) -> Scales<N>;

    /// Number `4 step + index` of half `half` in the block's `words`, for the lanes from `first` on. `upper` has
    /// the half's upper bits, shifted for this step.
    fn number<const N: usize>(
        words: &[RowWords],
        upper: Words<N>,
        first: usize,
        at: Place,
    ) -> Vector<N>;

    /// Shifts the upper bits for the next step.
    #[inline(always)]
    fn next<const N: usize>(upper: [Words<N>; 2]) -> [Words<N>; 2] {
        upper
    }
}

/// Place of a number in its block: number `4 step + index` of half `half`.
#[derive(Clone, Copy)]
pub struct Place {
    pub step: usize,
    pub index: usize,
    pub half: usize,
}

/// Everything of a block but its numbers.
#[derive(Clone, Copy)]
pub struct Scales<const N: usize> {
    /// Scale of each half.
    pub scale: [Vector<N>; 2],
    /// Minimum of the block, which is added after scaling.
    pub min: Option<Vector<N>>,
    /// Upper bits of the numbers of each half.
    pub upper: [Words<N>; 2],
}

impl<const N: usize> Scales<N> {
    /// No scale.
    pub const NONE: Self = Self::one([0.0; N]);

    #[inline(always)]
    const fn one(scale: Vector<N>) -> Self {
        Self {
            scale: [scale; 2],
            min: None,
            upper: [[0; N]; 2],
        }
    }
}

#[inline(always)]
fn load<const N: usize>(words: &RowWords, first: usize) -> Words<N> {
    lanes(|i| words.0[first + i])
}

/// The upper or lower half of each word as an f16.
#[inline(always)]
fn half_of<const N: usize>(words: Words<N>, which: usize) -> Vector<N> {
    half(lanes(|i| words[i] >> (16 * which)))
}

/// Unsigned integers below 2^31 as values; the signed conversion is one instruction.
#[inline(always)]
fn values<const N: usize>(words: Words<N>) -> Vector<N> {
    lanes(|i| words[i].cast_signed() as f32)
}

/// The nibble of a place: byte `index` of the step's word, low for the first half.
#[inline(always)]
fn nibble<const N: usize>(words: &[RowWords], first: usize, at: Place) -> Words<N> {
    let word: Words<N> = load(&words[at.step], first);
    let shift = 8 * at.index + 4 * at.half;
    lanes(|i| word[i] >> shift & 15)
}

/// The nibble with its upper bit, from words in which the numbers of the step are the lowest bits of each byte.
#[inline(always)]
fn five_bits<const N: usize>(
    words: &[RowWords],
    upper: Words<N>,
    first: usize,
    at: Place,
) -> Vector<N> {
    let low: Words<N> = nibble(words, first, at);
    values(lanes(|i| low[i] | (upper[i] >> (8 * at.index) & 1) << 4))
}

/// Fifth bits of both halves: bit 8 (i % 4) + i / 4 of one word.
#[inline(always)]
fn fifths<const N: usize>(words: Words<N>) -> [Words<N>; 2] {
    [words, lanes(|i| words[i] >> 4)]
}

#[inline(always)]
fn shifted<const N: usize>([low, high]: [Words<N>; 2], bits: usize) -> [Words<N>; 2] {
    [lanes(|i| low[i] >> bits), lanes(|i| high[i] >> bits)]
}

/// Scale and minimum of Q4_K and Q5_K, whose words per eight blocks are `words`.
#[inline(always)]
fn k_scales<const N: usize>(
    scales: &[RowWords],
    words: usize,
    block: usize,
    first: usize,
) -> Scales<N> {
    let at = block / 8 * words;
    let both: Words<N> = load(&scales[at], first);
    let pair: Words<N> = load(&scales[at + 1 + block % 8 / 2], first);
    let shift = 16 * (block & 1);
    let scale: Vector<N> = values(lanes(|i| pair[i] >> shift & 0xff));
    let min: Vector<N> = values(lanes(|i| pair[i] >> shift >> 8 & 0xff));
    let [d, d_min] = [half_of(both, 0), half_of(both, 1)];
    Scales {
        min: Some(lanes(|i| -d_min[i] * min[i])),
        ..Scales::one(lanes(|i| d[i] * scale[i]))
    }
}

/// 32-bit floats.
pub struct F32;
impl Weights for F32 {
    const WORDS: usize = 32;

    #[inline(always)]
    fn scales<const N: usize>(_: &[RowWords], _: usize, _: usize) -> Scales<N> {
        Scales::one([1.0; N])
    }

    #[inline(always)]
    fn number<const N: usize>(
        words: &[RowWords],
        _: Words<N>,
        first: usize,
        at: Place,
    ) -> Vector<N> {
        let word: Words<N> = load(&words[16 * at.half + 4 * at.step + at.index], first);
        lanes(|i| f32::from_bits(word[i]))
    }
}

/// The word that has 16-bit number `at`, in its upper half if the index is odd.
#[inline(always)]
fn pair_of<const N: usize>(words: &[RowWords], first: usize, at: Place) -> Words<N> {
    load(&words[8 * at.half + 2 * at.step + at.index / 2], first)
}

/// 16-bit floats.
pub struct F16;
impl Weights for F16 {
    const WORDS: usize = 16;

    #[inline(always)]
    fn scales<const N: usize>(_: &[RowWords], _: usize, _: usize) -> Scales<N> {
        Scales::one([1.0; N])
    }

    #[inline(always)]
    fn number<const N: usize>(
        words: &[RowWords],
        _: Words<N>,
        first: usize,
        at: Place,
    ) -> Vector<N> {
        half_of(pair_of(words, first, at), at.index % 2)
    }
}

/// Upper halves of 32-bit floats.
pub struct Bf16;
impl Weights for Bf16 {
    const WORDS: usize = 16;

    #[inline(always)]
    fn scales<const N: usize>(_: &[RowWords], _: usize, _: usize) -> Scales<N> {
        Scales::one([1.0; N])
    }

    #[inline(always)]
    fn number<const N: usize>(
        words: &[RowWords],
        _: Words<N>,
        first: usize,
        at: Place,
    ) -> Vector<N> {
        let pair: Words<N> = pair_of(words, first, at);
        let shift = 16 * (at.index % 2);
        lanes(|i| f32::from_bits(pair[i] >> shift << 16))
    }
}

/// Signed bytes.
pub struct Q8_0;
impl Weights for Q8_0 {
    const WORDS: usize = 8;

    #[inline(always)]
    fn scales<const N: usize>(scales: &[RowWords], block: usize, first: usize) -> Scales<N> {
        Scales::one(half_of(load(&scales[block / 2], first), block & 1))
    }

    #[inline(always)]
    fn number<const N: usize>(
        words: &[RowWords],
        _: Words<N>,
        first: usize,
        at: Place,
    ) -> Vector<N> {
        let word: Words<N> = load(&words[4 * at.half + at.step], first);
        let shift = 24 - 8 * at.index;
        lanes(|i| ((word[i] << shift).cast_signed() >> 24) as f32)
    }
}

/// Nibbles around 8.
pub struct Q4_0;
impl Weights for Q4_0 {
    const WORDS: usize = 4;
    const OFFSET: f32 = -8.0;

    #[inline(always)]
    fn scales<const N: usize>(scales: &[RowWords], block: usize, first: usize) -> Scales<N> {
        Scales::one(half_of(load(&scales[block / 2], first), block & 1))
    }

    #[inline(always)]
    fn number<const N: usize>(
        words: &[RowWords],
        _: Words<N>,
        first: usize,
        at: Place,
    ) -> Vector<N> {
        values(nibble(words, first, at))
    }
}

/// Nibbles with a minimum.
pub struct Q4_1;
impl Weights for Q4_1 {
    const WORDS: usize = 4;

    #[inline(always)]
    fn scales<const N: usize>(scales: &[RowWords], block: usize, first: usize) -> Scales<N> {
        let both: Words<N> = load(&scales[block], first);
        Scales {
            min: Some(half_of(both, 1)),
            ..Scales::one(half_of(both, 0))
        }
    }

    #[inline(always)]
    fn number<const N: usize>(
        words: &[RowWords],
        _: Words<N>,
        first: usize,
        at: Place,
    ) -> Vector<N> {
        values(nibble(words, first, at))
    }
}

/// Five bits around 16.
pub struct Q5_0;
impl Weights for Q5_0 {
    const WORDS: usize = 4;
    const OFFSET: f32 = -16.0;

    #[inline(always)]
    fn scales<const N: usize>(scales: &[RowWords], block: usize, first: usize) -> Scales<N> {
        let at = block / 2 * 3;
        Scales {
            upper: fifths(load(&scales[at + 1 + (block & 1)], first)),
            ..Scales::one(half_of(load(&scales[at], first), block & 1))
        }
    }

    #[inline(always)]
    fn number<const N: usize>(
        words: &[RowWords],
        upper: Words<N>,
        first: usize,
        at: Place,
    ) -> Vector<N> {
        five_bits(words, upper, first, at)
    }

    #[inline(always)]
    fn next<const N: usize>(upper: [Words<N>; 2]) -> [Words<N>; 2] {
        shifted(upper, 1)
    }
}

/// Five bits with a minimum.
pub struct Q5_1;
impl Weights for Q5_1 {
    const WORDS: usize = 4;

    #[inline(always)]
    fn scales<const N: usize>(scales: &[RowWords], block: usize, first: usize) -> Scales<N> {
        let both: Words<N> = load(&scales[2 * block], first);
        Scales {
            min: Some(half_of(both, 1)),
            upper: fifths(load(&scales[2 * block + 1], first)),
            ..Scales::one(half_of(both, 0))
        }
    }

    #[inline(always)]
    fn number<const N: usize>(
        words: &[RowWords],
        upper: Words<N>,
        first: usize,
        at: Place,
    ) -> Vector<N> {
        five_bits(words, upper, first, at)
    }

    #[inline(always)]
    fn next<const N: usize>(upper: [Words<N>; 2]) -> [Words<N>; 2] {
        shifted(upper, 1)
    }
}

/// Nibbles with scales and minimums of 6 bits.
pub struct Q4K;
impl Weights for Q4K {
    const WORDS: usize = 4;

    #[inline(always)]
    fn scales<const N: usize>(scales: &[RowWords], block: usize, first: usize) -> Scales<N> {
        k_scales(scales, 5, block, first)
    }

    #[inline(always)]
    fn number<const N: usize>(
        words: &[RowWords],
        _: Words<N>,
        first: usize,
        at: Place,
    ) -> Vector<N> {
        values(nibble(words, first, at))
    }
}

/// Five bits with scales and minimums of 6 bits.
pub struct Q5K;
impl Weights for Q5K {
    const WORDS: usize = 4;

    #[inline(always)]
    fn scales<const N: usize>(scales: &[RowWords], block: usize, first: usize) -> Scales<N> {
        Scales {
            upper: fifths(load(&scales[block / 8 * 13 + 5 + block % 8], first)),
            ..k_scales(scales, 13, block, first)
        }
    }

    #[inline(always)]
    fn number<const N: usize>(
        words: &[RowWords],
        upper: Words<N>,
        first: usize,
        at: Place,
    ) -> Vector<N> {
        five_bits(words, upper, first, at)
    }

    #[inline(always)]
    fn next<const N: usize>(upper: [Words<N>; 2]) -> [Words<N>; 2] {
        shifted(upper, 1)
    }
}

/// Six bits around 32, with a signed 8-bit scale per half block.
pub struct Q6K;
impl Weights for Q6K {
    const WORDS: usize = 4;
    const OFFSET: f32 = -32.0;
    const HALF_SCALES: bool = true;

    #[inline(always)]
    fn scales<const N: usize>(scales: &[RowWords], block: usize, first: usize) -> Scales<N> {
        let at = block / 8 * 21;
        let d: Vector<N> = half_of(load(&scales[at], first), 0);
        let bytes: Words<N> = load(&scales[at + 1 + block % 8 / 2], first);
        let scale = |half: usize| {
            let shift = 24 - 8 * (2 * (block & 1) + half);
            lanes(|i| d[i] * ((bytes[i] << shift).cast_signed() >> 24) as f32)
        };
        let uppers = at + 5 + block % 8 * 2;
        Scales {
            scale: [scale(0), scale(1)],
            min: None,
            upper: [
                load(&scales[uppers], first),
                load(&scales[uppers + 1], first),
            ],
        }
    }

    #[inline(always)]
    fn number<const N: usize>(
        words: &[RowWords],
        upper: Words<N>,
        first: usize,
        at: Place,
    ) -> Vector<N> {
        let low: Words<N> = nibble(words, first, at);
        values(lanes(|i| low[i] | (upper[i] >> (8 * at.index) & 3) << 4))
    }

    #[inline(always)]
    fn next<const N: usize>(upper: [Words<N>; 2]) -> [Words<N>; 2] {
        shifted(upper, 2)
    }
}
