//! The key-value pairs of a GGUF file, with typed access.

use super::value::{MetaArray, MetaValue};
use crate::weights::WeightsError;

/// The key-value pairs of one file, in file order; keys are unique.
#[derive(Clone, Debug)]
pub(in crate::weights) struct Metadata {
    pub(super) file: String,
    pub(super) entries: Vec<(String, MetaValue)>,
}

impl Metadata {
    /// The file's name.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The pairs, in file order.
    pub fn entries(&self) -> &[(String, MetaValue)] {
        &self.entries
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&MetaValue> {
        let found = self.entries.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value)
    }

    /// Returns the value of `key` as `convert` yields it. `expected` names the type for the error.
    fn typed<'a, T>(
        &'a self,
        key: &str,
        expected: &'static str,
        convert: impl Fn(&'a MetaValue) -> Option<T>,
    ) -> Result<Option<T>, WeightsError> {
        let convert = |value| convert(value).ok_or_else(|| self.wrong_type(key, expected, value));
        self.get(key).map(convert).transpose()
    }

    /// Returns a count or size: an integer of any type that is not negative.
    pub(super) fn size(&self, key: &str) -> Result<Option<usize>, WeightsError> {
        self.typed(key, "a size (or the same one for all blocks)", |value| {
            // Some keys may be arrays with one value per block; we support only arrays of equal values.
            let uniform = match value {
                MetaValue::Array(array) => uniform(array),
                single => single.as_integer(),
            };
            usize::try_from(uniform?).ok()
        })
    }

    /// Returns a token id; -1 stands for none.
    pub(super) fn id(&self, key: &str) -> Result<Option<u32>, WeightsError> {
        let id = self.typed(key, "a token id", |value| match value.as_integer()? {
            -1 => Some(None),
            // u32::MAX is llama.cpp's LLAMA_TOKEN_NULL: -1 stored as unsigned.
            id => u32::try_from(id)
                .ok()
                .map(|id| (id != u32::MAX).then_some(id)),
        })?;
        Ok(id.flatten())
    }

    pub(super) fn float(&self, key: &str) -> Result<Option<f32>, WeightsError> {
        self.typed(key, "a float", MetaValue::as_float)
    }

    pub(super) fn bool(&self, key: &str) -> Result<Option<bool>, WeightsError> {
        self.typed(key, "a bool", |value| match value {
            MetaValue::Bool(value) => Some(*value),
            _ => None,
        })
    }

    pub(super) fn string(&self, key: &str) -> Result<Option<&str>, WeightsError> {
        self.typed(key, "a string", |value| match value {
            MetaValue::String(value) => Some(value.as_str()),
            _ => None,
        })
    }

    /// Moves the strings out, so that a vocabulary is not in memory twice.
    pub(super) fn take_strings(&mut self, key: &str) -> Result<Option<Vec<String>>, WeightsError> {
        let found = self.entries.iter_mut().find(|(name, _)| name == key);
        match found {
            None => Ok(None),
            Some((_, MetaValue::Array(MetaArray::Strings(strings)))) => {
                Ok(Some(std::mem::take(strings)))
            }
            Some((_, value)) => {
                let value = value.clone();
                Err(self.wrong_type(key, "an array of strings", &value))
            }
        }
    }

    /// Returns the elements of a numeric array, each converted by `convert`.
    pub(super) fn numbers<T>(
        &self,
        key: &str,
        expected: &'static str,
        convert: impl Fn(&MetaValue) -> Option<T>,
    ) -> Result<Option<Vec<T>>, WeightsError> {
        self.typed(key, expected, |value| match value {
            MetaValue::Array(array @ MetaArray::Fixed { .. }) => {
                array.fixed().map(|element| convert(&element)).collect()
            }
            _ => None,
        })
    }

    pub(super) fn required<T>(&self, key: &str, value: Option<T>) -> Result<T, WeightsError> {
        value.ok_or_else(|| WeightsError::MissingKey {
            file: self.file.clone(),
            key: key.to_owned(),
        })
    }

    fn wrong_type(&self, key: &str, expected: &'static str, found: &MetaValue) -> WeightsError {
        WeightsError::WrongType {
            file: self.file.clone(),
            key: key.to_owned(),
            expected,
            found: format!("the {} {found}", found.kind().name()),
        }
    }
}

fn uniform(array: &MetaArray) -> Option<i128> {
    let mut all = array.fixed().map(|value| value.as_integer());
    let first = all.next()??;
    all.all(|next| next == Some(first)).then_some(first)
}
