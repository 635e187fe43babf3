//! The KV cache of all layers, in blocks of 64 positions.

use llamaglass_shaders::KV_BLOCK;

use crate::vector::{Vector, half, lanes};

/// Values per position and head in memory: D, rounded up to the widest vector.
pub const fn value_stride(dim: usize) -> usize {
    dim.next_multiple_of(16)
}

/// A value of a KV cache.
pub trait KvValue: Copy + Default + Send + Sync {
    /// Converts the first N of `values`.
    fn load<const N: usize>(values: &[Self]) -> Vector<N>;

    /// Rounds a value to this type.
    fn store(value: f32) -> Self;
}

impl KvValue for f32 {
    #[inline(always)]
    fn load<const N: usize>(values: &[Self]) -> Vector<N> {
        lanes(|i| values[i])
    }

    #[inline(always)]
    fn store(value: f32) -> Self {
        value
    }
}

/// An f16.
impl KvValue for u16 {
    #[inline(always)]
    fn load<const N: usize>(values: &[Self]) -> Vector<N> {
        half(lanes(|i| u32::from(values[i])))
    }

    fn store(value: f32) -> Self {
        half::f16::from_f32(value).to_bits()
    }
}

/// Keys and values of a layer: for each head, keys [blocks, D, 64], then values [blocks, 64, D']. Positions of keys
/// are adjacent, so that a vector holds several.
#[derive(Debug)]
pub struct LayerCache<C> {
    data: Vec<C>,
    /// D: size of a head.
    dim: usize,
    /// Number of blocks.
    blocks: usize,
}

impl<C: KvValue> LayerCache<C> {
    /// Creates a cache of zeros for `heads` heads.
    pub fn new(heads: usize, dim: usize, blocks: usize) -> Self {
        let mut cache = Self {
            data: Vec::new(),
            dim,
            blocks,
        };
        cache.data = vec![C::default(); heads * cache.head_len()];
        cache
    }

    /// Number of keys and values of a head.
    pub const fn head_len(&self) -> usize {
        self.key_len() + self.blocks * KV_BLOCK * value_stride(self.dim)
    }

    /// Number of keys of a head.
    pub const fn key_len(&self) -> usize {
        self.blocks * KV_BLOCK * self.dim
    }

    /// Keys and values of all heads, for writing.
    pub fn heads_mut(&mut self) -> &mut [C] {
        &mut self.data
    }

    /// Returns the keys and the values of a head.
    pub fn head(&self, head: usize) -> (&[C], &[C]) {
        let len = self.head_len();
        self.data[head * len..(head + 1) * len].split_at(self.key_len())
    }

    /// Copies a block over another in each head.
    pub fn copy_block(&mut self, from: usize, to: usize) {
        let (len, key_len) = (self.head_len(), self.key_len());
        for head in self.data.chunks_exact_mut(len) {
            let (keys, values) = head.split_at_mut(key_len);
            for part in [keys, values] {
                let block = part.len() / self.blocks;
                part.copy_within(from * block..(from + 1) * block, to * block);
            }
        }
    }
}

/// Writes the key and the value of one position into the `keys` and `values` of a head.
pub fn write_position<C: KvValue>(
    (keys, values): (&mut [C], &mut [C]),
    (block, offset): (usize, usize),
    key: &[f32],
    value: &[f32],
) {
    let dim = key.len();
    let to = keys[block * dim * KV_BLOCK..].iter_mut();
    for (to, key) in to.skip(offset).step_by(KV_BLOCK).zip(key) {
        *to = C::store(*key);
    }
    let at = (block * KV_BLOCK + offset) * value_stride(dim);
    for (to, value) in values[at..at + dim].iter_mut().zip(value) {
        *to = C::store(*value);
    }
}
