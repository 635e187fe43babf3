//! Ideal result of the subgroup probe: subgroups of neighbouring invocations.

/// Returns the words of `count` invocations in subgroups of `size` neighbours each.
pub fn subgroup_probe(count: usize, size: u32) -> Vec<u32> {
    (0..count as u32)
        .map(|index| (index - index % size) | (size << 16))
        .collect()
}
