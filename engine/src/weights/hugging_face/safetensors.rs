//! Reads the header of a safetensors file (<https://github.com/huggingface/safetensors>). A file has the
//! header's length in 8 bytes, then the header as JSON, then the tensors without gaps.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::bytes::ByteSource;
use crate::weights::detect::describe;
use crate::weights::stored::{Stored, check_ranges};
use crate::weights::tensor_type::UnknownTensorType;
use crate::weights::{TensorType, WeightsError};

/// Maximum length of a header in bytes; the safetensors crate has the same limit.
const LONGEST_HEADER: u64 = 100_000_000;

/// One tensor in the header's JSON.
#[derive(Deserialize)]
struct Row {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// All entries of the JSON object, including those with duplicate keys.
struct Rows(Vec<(String, Row)>);

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowsVisitor;
        impl<'de> Visitor<'de> for RowsVisitor {
            type Value = Rows;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Rows, A::Error> {
                let mut rows = Vec::new();
                while let Some(name) = all.next_key::<String>()? {
                    if name == "__metadata__" {
                        all.next_value::<BTreeMap<String, String>>()?;
                    } else {
                        rows.push((name, all.next_value()?));
                    }
                }
                Ok(Rows(rows))
            }
        }
        deserializer.deserialize_map(RowsVisitor)
    }
}

/// Reads the tensor table of a safetensors file and checks that the file contains every tensor.
///
/// Leaves out tensors for which `ignored` returns true, whatever their type.
pub(in crate::weights) async fn tensors(
    source: &dyn ByteSource,
    ignored: impl Fn(&str) -> bool,
) -> Result<Vec<Stored>, WeightsError> {
    let corrupt = |offset: u64, what: String| WeightsError::Corrupt {
        file: source.name().to_owned(),
        offset,
        what,
    };
    let (rows, start) = read_header(source).await?;
    let mut names = HashSet::new();
    let mut all = Vec::new();
    let mut known = Vec::new();
    for (name, row) in rows {
        if !names.insert(name.clone()) {
            return Err(WeightsError::DuplicateTensor {
                file: source.name().to_owned(),
                tensor: name,
            });
        }
        let (begin, end) = row.data_offsets;
        let bytes = end.checked_sub(begin).ok_or_else(|| {
            corrupt(
                8,
                format!("tensor {name} ends at {end}, before its begin {begin}"),
            )
        })?;
        let offset = start.saturating_add(begin);
        let place = Stored {
            name: name.clone(),
            tensor_type: TensorType::F32,
            shape: Vec::new(),
            offset,
            bytes,
        };
        all.push(place);
        if ignored(&name) {
            continue;
        }
        let tensor_type = tensor_type(&row.dtype).map_err(|found| WeightsError::TensorType {
            file: source.name().to_owned(),
            tensor: name.clone(),
            found,
        })?;
        let tensor = Stored::new(name, tensor_type, &row.shape, offset);
        let tensor = tensor.map_err(|what| corrupt(8, what))?;
        if tensor.bytes != bytes {
            let (name, shape) = (&tensor.name, &tensor.shape);
            let what = format!(
                "tensor {name} has {bytes} bytes, but {shape:?} of {tensor_type} take {}",
                tensor.bytes
            );
            return Err(corrupt(8, what));
        }
        known.push(tensor);
    }
    check_ranges(source, &all)?;
    check_gaps(source, start, all)?;
    Ok(known)
}

/// Reads the table's entries and the offset of the data.
async fn read_header(source: &dyn ByteSource) -> Result<(Vec<(String, Row)>, u64), WeightsError> {
    let truncated = |what: &str, offset, wanted| WeightsError::Truncated {
        file: source.name().to_owned(),
        what: what.to_owned(),
        offset,
        wanted,
        len: source.len(),
    };
    if source.len() < 8 {
        return Err(truncated("the length of the safetensors header", 0, 8));
    }
    let mut length = [0; 8];
    length.copy_from_slice(&source.read(0, 8).await?);
    let beginning = describe(&length[..4]);
    let length = u64::from_le_bytes(length);
    if length > source.len() - 8 {
        let what = format!("the safetensors header ({beginning})");
        return Err(truncated(&what, 8, length));
    }
    if length > LONGEST_HEADER {
        return Err(WeightsError::Corrupt {
            file: source.name().to_owned(),
            offset: 0,
            what: format!("a header of {length} bytes; at most {LONGEST_HEADER} are allowed"),
        });
    }
    let header = source.read(8, length as usize).await?;
    let Rows(rows) = serde_json::from_slice(&header).map_err(|error| WeightsError::Json {
        file: source.name().to_owned(),
        what: format!("the safetensors header (from byte 8) is not valid: {error}"),
    })?;
    Ok((rows, 8 + length))
}

/// Checks that every byte belongs to a tensor, as the format requires.
fn check_gaps(
    source: &dyn ByteSource,
    start: u64,
    mut tensors: Vec<Stored>,
) -> Result<(), WeightsError> {
    tensors.sort_by_key(|tensor| tensor.offset);
    let mut end = start;
    let begins = tensors.iter().map(|tensor| (tensor.offset, tensor.bytes));
    for (begin, bytes) in begins.chain([(source.len(), 0)]) {
        if begin != end {
            return Err(WeightsError::Corrupt {
                file: source.name().to_owned(),
                offset: end,
                what: format!("the bytes from here to {begin} belong to no tensor"),
            });
        }
        end = begin + bytes;
    }
    Ok(())
}

fn tensor_type(dtype: &str) -> Result<TensorType, UnknownTensorType> {
    match dtype {
        "F32" => Ok(TensorType::F32),
        "F16" => Ok(TensorType::F16),
        "BF16" => Ok(TensorType::BF16),
        other => Err(UnknownTensorType {
            name: other.to_owned(),
        }),
    }
}
