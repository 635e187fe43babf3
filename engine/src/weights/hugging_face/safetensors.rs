//! Reads the header of a safetensors file (<https://github.com/huggingface/safetensors>). A file has the
//! header's length in 8 bytes, then the header as JSON, then the tensors without gaps.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::bytes::ByteSource;
use crate::weights::detect::describe;
use crate::weights::stored::{StoredTensor, check_ranges};
use crate::weights::tensor_type::UnknownTensorType;
use crate::weights::{TensorType, WeightsError};

/// Maximum length of a header in bytes; the safetensors crate has the same limit.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// One tensor in the header's JSON.
#[derive(Deserialize)]
struct TensorEntry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// All entries of the JSON object, including those with duplicate keys.
struct TensorEntries(Vec<(String, TensorEntry)>);

impl<'de> Deserialize<'de> for TensorEntries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;
        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = TensorEntries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<TensorEntries, A::Error> {
                let mut entries = Vec::new();
                while let Some(name) = all.next_key::<String>()? {
                    if name == "__metadata__" {
                        all.next_value::<BTreeMap<String, String>>()?;
                    } else {
                        entries.push((name, all.next_value()?));
                    }
                }
                Ok(TensorEntries(entries))
            }
        }
        deserializer.deserialize_map(EntriesVisitor)
    }
}

/// Reads the tensor table of a safetensors file and checks that the file contains every tensor.
///
/// Omits tensors for which `ignored` returns true, and accepts any type for them.
pub(in crate::weights) async fn tensors(
    source: &dyn ByteSource,
    ignored: impl Fn(&str) -> bool,
) -> Result<Vec<StoredTensor>, WeightsError> {
    let corrupt = |offset: u64, what: String| WeightsError::Corrupt {
        file: source.name().to_owned(),
        offset,
        what,
    };
    let (entries, start) = read_header(source).await?;
    let mut names = HashSet::new();
    let mut all = Vec::new();
    let mut known = Vec::new();
    for (name, entry) in entries {
        if !names.insert(name.clone()) {
            return Err(WeightsError::DuplicateTensor {
                file: source.name().to_owned(),
                tensor: name,
            });
        }
        let (begin, end) = entry.data_offsets;
        let bytes = end.checked_sub(begin).ok_or_else(|| {
            corrupt(
                8,
                format!("tensor {name} ends at {end}, before its start {begin}"),
            )
        })?;
        let offset = start.saturating_add(begin);
        let stored = StoredTensor {
            name: name.clone(),
            tensor_type: TensorType::F32,
            shape: Vec::new(),
            offset,
            bytes,
        };
        all.push(stored);
        if ignored(&name) {
            continue;
        }
        let tensor_type = tensor_type(&entry.dtype).map_err(|found| WeightsError::TensorType {
            file: source.name().to_owned(),
            tensor: name.clone(),
            found,
        })?;
        let tensor = StoredTensor::new(name, tensor_type, &entry.shape, offset);
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
async fn read_header(
    source: &dyn ByteSource,
) -> Result<(Vec<(String, TensorEntry)>, u64), WeightsError> {
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
    if length > MAX_HEADER_BYTES {
        return Err(WeightsError::Corrupt {
            file: source.name().to_owned(),
            offset: 0,
            what: format!("a header of {length} bytes; at most {MAX_HEADER_BYTES} are allowed"),
        });
    }
    let header = source.read(8, length as usize).await?;
    let TensorEntries(entries) =
        serde_json::from_slice(&header).map_err(|error| WeightsError::Json {
            file: source.name().to_owned(),
            what: format!("the safetensors header (from byte 8) is not valid: {error}"),
        })?;
    Ok((entries, 8 + length))
}

/// Checks that every byte belongs to a tensor, as the format requires.
fn check_gaps(
    source: &dyn ByteSource,
    start: u64,
    mut tensors: Vec<StoredTensor>,
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
