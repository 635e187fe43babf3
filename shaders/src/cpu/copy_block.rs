//! A block of a cache in place of another.

/// `words` words of a cache from `from` on, copied to `to`.
pub fn copy_block(cache: &mut [u32], from: usize, to: usize, words: usize) {
    cache.copy_within(from..from + words, to);
}
