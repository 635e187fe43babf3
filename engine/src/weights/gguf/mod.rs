//! GGUF versions 2 and 3: header, metadata, tensor table (ggml-org's GGUF specification,
//! <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>).

mod config;
mod metadata;
mod stream;
mod tokenizer;
mod value;

use std::collections::HashSet;

pub(super) use metadata::Metadata;
pub use value::{MetaArray, MetaType, MetaValue};

pub(super) use config::{check_architecture, config};
pub(super) use tokenizer::tokenizer;

use self::stream::{Cursor, ParseError, Stream};
use super::detect::{GGUF_MAGIC, describe};
use super::stored::{StoredTensor, check_ranges};
use super::{TensorType, WeightsError};
use crate::bytes::ByteSource;

/// Default of `general.alignment`.
const ALIGNMENT: u64 = 32;

/// Maximum alignment; far above any real file, and low enough for the offsets not to overflow.
const MAX_ALIGNMENT: u64 = 1 << 30;

/// ggml's `GGML_MAX_DIMS`.
const MAX_DIMENSIONS: u32 = 4;

/// Size in bytes of the smallest pair: an empty key and a one-byte value.
const MIN_PAIR_BYTES: u64 = 8 + 4 + 1;

/// Size in bytes of the smallest tensor table entry: an empty name and one dimension.
const MIN_TENSOR_BYTES: u64 = 8 + 4 + 8 + 4 + 8;

/// A file whose metadata has been read, but whose tensor table has not.
pub(super) struct Gguf<'a> {
    stream: Stream<'a>,
    pub(super) version: u32,
    pub(super) metadata: Metadata,
    tensor_count: u64,
}

impl<'a> Gguf<'a> {
    /// Reads version and metadata.
    pub(super) async fn open(source: &'a dyn ByteSource) -> Result<Self, WeightsError> {
        let mut stream = Stream::new(source);
        let version = stream.parse(version).await?;
        let (tensor_count, pair_count) = stream
            .parse(|cursor| {
                let tensors = cursor.u64("the number of tensors")?;
                let pairs = cursor.u64("the number of metadata pairs")?;
                cursor.check_remaining(
                    pairs,
                    MIN_PAIR_BYTES,
                    &format!("the header's {pairs} metadata pairs"),
                )?;
                cursor.check_remaining(
                    tensors,
                    MIN_TENSOR_BYTES,
                    &format!("the header's {tensors} tensors"),
                )?;
                Ok((tensors, pairs))
            })
            .await?;
        let mut entries = Vec::new();
        let mut keys = HashSet::new();
        for index in 0..pair_count {
            let pair = |cursor: &mut Cursor<'_>| {
                let key = cursor.string(&format!("metadata key {index}"))?.to_owned();
                let value = MetaValue::parse(cursor, &key)?;
                Ok((key, value))
            };
            let (key, value) = stream.parse(pair).await?;
            if !keys.insert(key.clone()) {
                let file = source.name().to_owned();
                return Err(WeightsError::DuplicateKey { file, key });
            }
            entries.push((key, value));
        }
        let metadata = Metadata {
            file: source.name().to_owned(),
            entries,
        };
        Ok(Self {
            stream,
            version,
            metadata,
            tensor_count,
        })
    }

    /// Reads the tensor table and checks that the file contains every tensor. Call it only once.
    pub(super) async fn tensors(&mut self) -> Result<Vec<StoredTensor>, WeightsError> {
        let source = self.stream.source();
        let alignment = self.alignment()?;
        let mut tensors = Vec::new();
        let mut names = HashSet::new();
        for index in 0..self.tensor_count {
            let row = |cursor: &mut Cursor<'_>| tensor(cursor, index, alignment);
            let tensor = self.stream.parse(row).await?;
            if !names.insert(tensor.name.clone()) {
                return Err(WeightsError::DuplicateTensor {
                    file: source.name().to_owned(),
                    tensor: tensor.name,
                });
            }
            tensors.push(tensor);
        }
        // Offsets count from here. A file without tensors may end before this position.
        let start = self.stream.position().next_multiple_of(alignment);
        for tensor in &mut tensors {
            tensor.offset = tensor.offset.saturating_add(start);
        }
        check_ranges(source, &tensors)?;
        Ok(tensors)
    }

    fn alignment(&self) -> Result<u64, WeightsError> {
        let alignment = self.metadata.size("general.alignment")?;
        let alignment = alignment.map_or(ALIGNMENT, |x| x as u64);
        if !alignment.is_power_of_two() || alignment > MAX_ALIGNMENT {
            return Err(WeightsError::Config {
                file: self.metadata.file.clone(),
                what: format!("general.alignment is {alignment}, not a power of two up to 2^30"),
            });
        }
        Ok(alignment)
    }
}

fn version(cursor: &mut Cursor<'_>) -> Result<u32, ParseError> {
    let magic = cursor.take(4, "the magic number GGUF")?;
    if magic != GGUF_MAGIC {
        return Err(cursor.corrupt(0, format!("not a GGUF file: {}", describe(magic))));
    }
    let version = cursor.u32("the version")?;
    let file = cursor.file().to_owned();
    match version {
        2 | 3 => Ok(version),
        // Versions are small numbers, so one whose low 16 bits are zero was written in the other byte order.
        swapped if swapped != 0 && swapped.trailing_zeros() >= 16 => {
            let version = swapped.swap_bytes();
            Err(ParseError::Invalid(WeightsError::BigEndian {
                file,
                version,
            }))
        }
        version => Err(ParseError::Invalid(WeightsError::Version { file, version })),
    }
}

/// Parses one entry of the tensor table; its offset still counts from the start of the data.
fn tensor(cursor: &mut Cursor<'_>, index: u64, alignment: u64) -> Result<StoredTensor, ParseError> {
    let name = cursor
        .string(&format!("the name of tensor {index}"))?
        .to_owned();
    let start = cursor.position();
    let what = format!("the table row of tensor {name}");
    let dimensions = cursor.u32(&what)?;
    if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
        return Err(cursor.corrupt(
            start,
            format!("tensor {name} has {dimensions} dimensions, not 1 to 4"),
        ));
    }
    let mut shape = Vec::new();
    for _ in 0..dimensions {
        shape.push(cursor.u64(&what)?);
    }
    // ggml lists the fastest dimension first, we list the slowest first.
    shape.reverse();
    let tensor_type = TensorType::from_gguf(cursor.u32(&what)?).map_err(|found| {
        ParseError::Invalid(WeightsError::TensorType {
            file: cursor.file().to_owned(),
            tensor: name.clone(),
            found,
        })
    })?;
    let offset_at = cursor.position();
    let offset = cursor.u64(&what)?;
    if !offset.is_multiple_of(alignment) {
        let what = format!("tensor {name} has the offset {offset}, not a multiple of {alignment}");
        return Err(cursor.corrupt(offset_at, what));
    }
    StoredTensor::new(name, tensor_type, &shape, offset).map_err(|what| cursor.corrupt(start, what))
}
