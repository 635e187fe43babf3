//! Metadata values of all GGUF types.

use std::fmt;

use strum::{EnumDiscriminants, IntoStaticStr, VariantArray};

use super::stream::{Cursor, ParseError};

/// Maximum nesting depth of arrays; no known key has more than one level.
const MAX_ARRAY_DEPTH: usize = 4;

/// Maximum number of array elements shown.
const MAX_SHOWN_ELEMENTS: usize = 5;

/// Maximum number of characters of a string shown.
const MAX_SHOWN_CHARS: usize = 200;

impl MetaType {
    /// All types; the index is the type's number in a file (`gguf_metadata_value_type`).
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The type's number in a file.
    pub const fn id(self) -> u32 {
        self as u32
    }

    /// Name of the type, such as `u32`.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Size of a value in bytes; `None` for strings and arrays.
    pub const fn size(self) -> Option<u64> {
        match self {
            Self::U8 | Self::I8 | Self::Bool => Some(1),
            Self::U16 | Self::I16 => Some(2),
            Self::U32 | Self::I32 | Self::F32 => Some(4),
            Self::U64 | Self::I64 | Self::F64 => Some(8),
            Self::String | Self::Array => None,
        }
    }

    fn parse(cursor: &mut Cursor<'_>, what: &str) -> Result<Self, ParseError> {
        let offset = cursor.position();
        let id = cursor.u32(what)?;
        let known = Self::ALL.get(id as usize).copied();
        known.ok_or_else(|| cursor.corrupt(offset, format!("{what} has the unknown type {id}")))
    }
}

/// A metadata value.
#[derive(Clone, Debug, PartialEq, EnumDiscriminants)]
#[strum_discriminants(name(MetaType), doc = "The type of a metadata value.")]
#[strum_discriminants(derive(VariantArray, IntoStaticStr))]
#[strum_discriminants(strum(serialize_all = "lowercase"))]
#[strum_discriminants(expect(missing_docs, reason = "the names say it"))]
#[expect(missing_docs, reason = "the names say it")]
pub enum MetaValue {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    String(String),
    Array(MetaArray),
    U64(u64),
    I64(i64),
    F64(f64),
}

/// A metadata array in compact form: it may have a quarter of a million elements.
#[derive(Clone, Debug, PartialEq)]
pub enum MetaArray {
    /// Elements of a fixed size, stored as in the file.
    Fixed {
        /// Type of the elements.
        element: MetaType,
        /// The elements, little-endian.
        bytes: Vec<u8>,
    },
    /// Array of strings.
    Strings(Vec<String>),
    /// Array of arrays.
    Arrays(Vec<MetaArray>),
}

impl MetaValue {
    /// Parses type and value of `key`.
    pub(super) fn parse(cursor: &mut Cursor<'_>, key: &str) -> Result<Self, ParseError> {
        let what = format!("the value of {key}");
        let kind = MetaType::parse(cursor, &what)?;
        match kind {
            MetaType::String => Ok(Self::String(cursor.string(&what)?.to_owned())),
            MetaType::Array => Ok(Self::Array(MetaArray::parse(
                cursor,
                &what,
                MAX_ARRAY_DEPTH,
            )?)),
            fixed => {
                let offset = cursor.position();
                let bytes = cursor.take(fixed.size().unwrap_or(0), &what)?;
                Self::decode(fixed, bytes).ok_or_else(|| {
                    cursor.corrupt(offset, format!("{what} is not a {}", fixed.name()))
                })
            }
        }
    }

    /// Decodes a value of a fixed-size type; `None` if `bytes` are not a valid value of it.
    fn decode(kind: MetaType, bytes: &[u8]) -> Option<Self> {
        Some(match kind {
            MetaType::U8 => Self::U8(u8::from_le_bytes(bytes.try_into().ok()?)),
            MetaType::I8 => Self::I8(i8::from_le_bytes(bytes.try_into().ok()?)),
            MetaType::U16 => Self::U16(u16::from_le_bytes(bytes.try_into().ok()?)),
            MetaType::I16 => Self::I16(i16::from_le_bytes(bytes.try_into().ok()?)),
            MetaType::U32 => Self::U32(u32::from_le_bytes(bytes.try_into().ok()?)),
            MetaType::I32 => Self::I32(i32::from_le_bytes(bytes.try_into().ok()?)),
            MetaType::F32 => Self::F32(f32::from_le_bytes(bytes.try_into().ok()?)),
            MetaType::U64 => Self::U64(u64::from_le_bytes(bytes.try_into().ok()?)),
            MetaType::I64 => Self::I64(i64::from_le_bytes(bytes.try_into().ok()?)),
            MetaType::F64 => Self::F64(f64::from_le_bytes(bytes.try_into().ok()?)),
            MetaType::Bool => match bytes {
                [0] => Self::Bool(false),
                [1] => Self::Bool(true),
                _ => return None,
            },
            MetaType::String | MetaType::Array => return None,
        })
    }

    /// Returns the value's type.
    pub fn kind(&self) -> MetaType {
        self.into()
    }

    /// Returns the value of an integer of any type.
    pub fn as_integer(&self) -> Option<i128> {
        Some(match *self {
            Self::U8(x) => x.into(),
            Self::I8(x) => x.into(),
            Self::U16(x) => x.into(),
            Self::I16(x) => x.into(),
            Self::U32(x) => x.into(),
            Self::I32(x) => x.into(),
            Self::U64(x) => x.into(),
            Self::I64(x) => x.into(),
            _ => return None,
        })
    }

    /// Returns the value of a float of either type.
    pub fn as_float(&self) -> Option<f32> {
        match *self {
            Self::F32(x) => Some(x),
            Self::F64(x) => Some(x as f32),
            _ => None,
        }
    }
}

impl MetaArray {
    fn parse(cursor: &mut Cursor<'_>, what: &str, depth: usize) -> Result<Self, ParseError> {
        let start = cursor.position();
        if depth == 0 {
            return Err(cursor.corrupt(
                start,
                format!("{what} has arrays more than {MAX_ARRAY_DEPTH} levels deep"),
            ));
        }
        let element = MetaType::parse(cursor, what)?;
        let count = cursor.u64(what)?;
        match element {
            MetaType::String => {
                cursor.check_remaining(count, 8, what)?;
                let strings = (0..count).map(|_| Ok(cursor.string(what)?.to_owned()));
                strings
                    .collect::<Result<_, ParseError>>()
                    .map(Self::Strings)
            }
            MetaType::Array => {
                cursor.check_remaining(count, 12, what)?;
                let arrays = (0..count).map(|_| Self::parse(cursor, what, depth - 1));
                arrays.collect::<Result<_, ParseError>>().map(Self::Arrays)
            }
            fixed => {
                let size = fixed.size().unwrap_or(1);
                let start = cursor.position();
                let bytes = cursor.take(count.saturating_mul(size), what)?.to_vec();
                if fixed == MetaType::Bool
                    && let Some(at) = bytes.iter().position(|&byte| byte > 1)
                {
                    return Err(cursor.corrupt(start + at as u64, format!("{what} is not a bool")));
                }
                Ok(Self::Fixed { element, bytes })
            }
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::Fixed { element, bytes } => bytes.len() / element.size().unwrap_or(1) as usize,
            Self::Strings(strings) => strings.len(),
            Self::Arrays(arrays) => arrays.len(),
        }
    }

    /// Returns true if the array has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Iterates over elements of fixed size; yields nothing for arrays of strings and of arrays.
    pub fn fixed(&self) -> impl Iterator<Item = MetaValue> {
        let (element, bytes) = match self {
            Self::Fixed { element, bytes } => (*element, bytes.as_slice()),
            _ => (MetaType::U8, [].as_slice()),
        };
        let size = element.size().unwrap_or(1) as usize;
        let elements = bytes.chunks_exact(size);
        elements.filter_map(move |bytes| MetaValue::decode(element, bytes))
    }
}

impl fmt::Display for MetaValue {
    /// Formats for people: long strings and arrays are cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::U8(x) => x.fmt(f),
            Self::I8(x) => x.fmt(f),
            Self::U16(x) => x.fmt(f),
            Self::I16(x) => x.fmt(f),
            Self::U32(x) => x.fmt(f),
            Self::I32(x) => x.fmt(f),
            Self::F32(x) => x.fmt(f),
            Self::Bool(x) => x.fmt(f),
            Self::U64(x) => x.fmt(f),
            Self::I64(x) => x.fmt(f),
            Self::F64(x) => x.fmt(f),
            Self::String(text) => match text.char_indices().nth(MAX_SHOWN_CHARS) {
                None => f.write_str(text),
                Some((end, _)) => write!(f, "{}… ({} bytes)", &text[..end], text.len()),
            },
            Self::Array(array) => array.fmt(f),
        }
    }
}

impl fmt::Display for MetaArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.len().min(MAX_SHOWN_ELEMENTS);
        let shown: Vec<String> = match self {
            Self::Fixed { .. } => self.fixed().take(count).map(|x| x.to_string()).collect(),
            Self::Strings(strings) => strings[..count].iter().map(|x| format!("{x:?}")).collect(),
            Self::Arrays(arrays) => arrays[..count].iter().map(Self::to_string).collect(),
        };
        write!(f, "[{}", shown.join(", "))?;
        if self.len() > MAX_SHOWN_ELEMENTS {
            write!(f, ", … {} in all", self.len())?;
        }
        f.write_str("]")
    }
}
