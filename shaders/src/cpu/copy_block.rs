//! Copy of a cache block.

/// Copies `words` words of a cache from offset `from` to offset `to`.
pub fn copy_block(cache: &mut [u32], from: usize, to: usize, words: usize) {
    cache.copy_within(from..from + words, to);
}
