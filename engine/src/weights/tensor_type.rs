//! The data types in which tensors are stored.

use serde::{Deserialize, Serialize};
use strum::{EnumString, VariantNames};
use thiserror::Error;

/// Storage type of a tensor's values.
///
/// The quantised types are ggml's: a row is divided into blocks of [`TensorType::block_len`] values, and a
/// block takes [`TensorType::block_bytes`] bytes.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    EnumString,
    VariantNames,
    strum::Display,
    strum::VariantArray,
)]
#[strum(ascii_case_insensitive, parse_err_ty = UnknownTensorType, parse_err_fn = unknown)]
pub enum TensorType {
    /// 32-bit float.
    F32,
    /// 16-bit float.
    F16,
    /// The upper half of a 32-bit float.
    BF16,
    /// 8 bits per value and one scale per 32 values.
    #[strum(to_string = "Q8_0", serialize = "Q80")]
    Q8_0,
    /// 4 bits per value and one scale per 32 values.
    #[strum(to_string = "Q4_0", serialize = "Q40")]
    Q4_0,
    /// 4 bits per value, one scale and one minimum per 32 values.
    #[strum(to_string = "Q4_1", serialize = "Q41")]
    Q4_1,
    /// 5 bits per value and one scale per 32 values.
    #[strum(to_string = "Q5_0", serialize = "Q50")]
    Q5_0,
    /// 5 bits per value, one scale and one minimum per 32 values.
    #[strum(to_string = "Q5_1", serialize = "Q51")]
    Q5_1,
    /// 4 bits per value; 8 groups of 32 values, each with a 6-bit scale and minimum.
    #[serde(rename = "Q4_K")]
    #[strum(to_string = "Q4_K", serialize = "Q4K")]
    Q4K,
    /// 5 bits per value; 8 groups of 32 values, each with a 6-bit scale and minimum.
    #[serde(rename = "Q5_K")]
    #[strum(to_string = "Q5_K", serialize = "Q5K")]
    Q5K,
    /// 6 bits per value; 16 groups of 16 values, each with an 8-bit scale.
    #[serde(rename = "Q6_K")]
    #[strum(to_string = "Q6_K", serialize = "Q6K")]
    Q6K,
}

/// Error for a tensor type that is not supported.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "the type {name}, which is not supported (supported: F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K)"
)]
pub struct UnknownTensorType {
    /// ggml's name of the type, or its number where ggml has no name for it.
    pub name: String,
}

impl TensorType {
    /// All types, in the order of the documentation.
    pub const ALL: [Self; 11] = *<Self as strum::VariantArray>::VARIANTS
        .first_chunk()
        .expect("11 types");

    /// Returns ggml's name of the type, such as `Q4_K`.
    pub const fn name(self) -> &'static str {
        Self::VARIANTS[self as usize]
    }

    /// Number of values per block.
    pub const fn block_len(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::BF16 => 1,
            Self::Q8_0 | Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 => 32,
            Self::Q4K | Self::Q5K | Self::Q6K => 256,
        }
    }

    /// Number of bytes per block.
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::Q8_0 => 34,
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
        }
    }

    /// Returns the size of `elements` values in bytes, or `None` if they are not a whole number of blocks or
    /// the size overflows.
    pub fn bytes_of(self, elements: u64) -> Option<u64> {
        let block = self.block_len() as u64;
        if !elements.is_multiple_of(block) {
            return None;
        }
        (elements / block).checked_mul(self.block_bytes() as u64)
    }

    /// Returns the type with this number in a GGUF file (`ggml_type` in ggml.h).
    ///
    /// # Errors
    /// [`UnknownTensorType`], with ggml's name of the type where there is one.
    pub fn from_gguf(id: u32) -> Result<Self, UnknownTensorType> {
        Self::ALL
            .into_iter()
            .find(|known| known.gguf_id() == id)
            .ok_or_else(|| match ggml_name(id) {
                Some(name) => unknown(name),
                None => unknown(&format!("number {id}")),
            })
    }

    /// The type's number in a GGUF file.
    pub const fn gguf_id(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q4_0 => 2,
            Self::Q4_1 => 3,
            Self::Q5_0 => 6,
            Self::Q5_1 => 7,
            Self::Q8_0 => 8,
            Self::Q4K => 12,
            Self::Q5K => 13,
            Self::Q6K => 14,
            Self::BF16 => 30,
        }
    }

    /// Returns this type if rows of `columns` values are whole blocks of it, and a replacement otherwise: the
    /// one that llama.cpp chooses (`llama_tensor_get_type`), or else F16.
    pub fn for_row(self, columns: usize) -> Self {
        let mut chosen = self;
        while !columns.is_multiple_of(chosen.block_len()) {
            chosen = match chosen {
                Self::Q4K => Self::Q5_0,
                Self::Q5K => Self::Q5_1,
                Self::Q6K => Self::Q8_0,
                _ => Self::F16,
            };
        }
        chosen
    }
}

fn unknown(name: &str) -> UnknownTensorType {
    UnknownTensorType { name: name.into() }
}

/// Returns ggml's name of a type that we can't read, so that an error can say more than a number.
fn ggml_name(id: u32) -> Option<&'static str> {
    Some(match id {
        4 => "Q4_2",
        5 => "Q4_3",
        9 => "Q8_1",
        10 => "Q2_K",
        11 => "Q3_K",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        29 => "IQ1_M",
        31 => "Q4_0_4_4",
        32 => "Q4_0_4_8",
        33 => "Q4_0_8_8",
        34 => "TQ1_0",
        35 => "TQ2_0",
        36 => "IQ4_NL_4_4",
        37 => "IQ4_NL_4_8",
        38 => "IQ4_NL_8_8",
        39 => "MXFP4",
        40 => "NVFP4",
        41 => "Q1_0",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_type_error_has_ggml_name_or_number() {
        let name = |id| TensorType::from_gguf(id).map_err(|error| error.name);
        assert_eq!(name(12), Ok(TensorType::Q4K));
        assert_eq!(name(16), Err("IQ2_XXS".to_owned()));
        assert_eq!(name(4711), Err("number 4711".to_owned()));
    }

    #[test]
    fn names_and_gguf_ids_round_trip() {
        for tensor_type in TensorType::ALL {
            assert_eq!(
                TensorType::from_gguf(tensor_type.gguf_id()),
                Ok(tensor_type)
            );
            assert_eq!(tensor_type.name().to_lowercase().parse(), Ok(tensor_type));
            let json = serde_json::to_string(&tensor_type).expect("a name is JSON");
            assert_eq!(json, format!("\"{tensor_type}\""));
        }
    }

    #[test]
    fn for_row_replaces_type_when_row_is_not_whole_blocks() {
        assert_eq!(TensorType::Q4K.for_row(512), TensorType::Q4K);
        assert_eq!(TensorType::Q4K.for_row(96), TensorType::Q5_0);
        assert_eq!(TensorType::Q5K.for_row(576), TensorType::Q5_1);
        assert_eq!(TensorType::Q6K.for_row(40), TensorType::F16);
        assert_eq!(TensorType::Q4_1.for_row(20), TensorType::F16);
    }
}
