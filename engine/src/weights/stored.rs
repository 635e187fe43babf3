//! A tensor as a file's tensor table describes it, before its name is interpreted.

use super::{TensorType, WeightsError};
use crate::bytes::ByteSource;

/// One entry of a file's tensor table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredTensor {
    pub(super) name: String,
    pub(super) tensor_type: TensorType,
    /// Rows, columns: the slowest dimension comes first.
    pub(super) shape: Vec<usize>,
    /// Offset of its first byte in the file.
    pub(super) offset: u64,
    /// Size in bytes.
    pub(super) bytes: u64,
}

impl StoredTensor {
    /// Computes the size in bytes from type and shape. The error is a message for the user.
    pub(super) fn new(
        name: String,
        tensor_type: TensorType,
        shape: &[u64],
        offset: u64,
    ) -> Result<Self, String> {
        let columns = shape.last().copied().unwrap_or(1);
        let block = tensor_type.block_len() as u64;
        if shape.contains(&0) {
            return Err(format!("tensor {name} has a dimension of 0: {shape:?}"));
        }
        if !columns.is_multiple_of(block) {
            return Err(format!(
                "tensor {name} has rows of {columns} values, but {tensor_type} has blocks of {block}"
            ));
        }
        let elements = shape.iter().try_fold(1u64, |all, &n| all.checked_mul(n));
        let bytes = elements.and_then(|elements| tensor_type.bytes_of(elements));
        // On a 32-bit machine a single dimension may also be too large.
        let sizes = shape.iter().map(|&n| usize::try_from(n).ok());
        match (bytes, sizes.collect()) {
            (Some(bytes), Some(shape)) => Ok(Self {
                name,
                tensor_type,
                shape,
                offset,
                bytes,
            }),
            _ => Err(format!("tensor {name} is impossibly large: {shape:?}")),
        }
    }
}

/// Checks that every tensor lies within the file and that no two tensors overlap.
pub(super) fn check_ranges(
    source: &dyn ByteSource,
    tensors: &[StoredTensor],
) -> Result<(), WeightsError> {
    let mut in_order: Vec<&StoredTensor> = tensors.iter().collect();
    in_order.sort_by_key(|tensor| tensor.offset);
    for tensor in &in_order {
        let end = tensor.offset.checked_add(tensor.bytes);
        if end.is_none_or(|end| end > source.len()) {
            return Err(WeightsError::Truncated {
                file: source.name().to_owned(),
                what: format!("tensor {}", tensor.name),
                offset: tensor.offset,
                wanted: tensor.bytes,
                len: source.len(),
            });
        }
    }
    for pair in in_order.windows(2) {
        let (first, second) = (pair[0], pair[1]);
        if first.offset + first.bytes > second.offset {
            return Err(WeightsError::Overlap {
                file: source.name().to_owned(),
                first: first.name.clone(),
                second: second.name.clone(),
                offset: second.offset,
            });
        }
    }
    Ok(())
}
