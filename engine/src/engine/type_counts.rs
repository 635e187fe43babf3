//! Counts a checkpoint's tensors by type.

use std::collections::BTreeMap;

use crate::weights::Checkpoint;
use llamaglass_types::TypeCount;

/// Counts the tensors and bytes of `checkpoint` per type, most bytes first.
pub fn type_counts(checkpoint: &Checkpoint) -> Vec<TypeCount> {
    let mut counts: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    for tensor in checkpoint.tensors() {
        let count = counts.entry(tensor.tensor_type.name()).or_default();
        count.0 += 1;
        count.1 += tensor.bytes;
    }
    let mut counts: Vec<TypeCount> = counts
        .into_iter()
        .map(|(name, (tensors, bytes))| TypeCount {
            name: name.into(),
            tensors,
            bytes,
        })
        .collect();
    counts.sort_by_key(|count| std::cmp::Reverse(count.bytes));
    counts
}
