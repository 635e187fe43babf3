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

    /// Returns a count or size: an integer of any type that is not negative.
    pub(super) fn size(&self, key: &str) -> Result<Option<usize>, WeightsError> {
        let value = self.get(key).map(|value| {
            // Some keys may be arrays with one value per block; we support only arrays of equal values.
            let uniform = match value {
                MetaValue::Array(array) => uniform(array),
                single => single.as_integer(),
            };
            uniform
                .and_then(|x| usize::try_from(x).ok())
                .ok_or_else(|| {
                    self.wrong_type(key, "a size (or the same one for all blocks)", value)
                })
        });
        value.transpose()
    }

    /// Returns a token id; -1 stands for none.
    pub(super) fn id(&self, key: &str) -> Result<Option<u32>, WeightsError> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => match value.as_integer() {
                Some(-1) => Ok(None),
                // u32::MAX is llama.cpp's LLAMA_TOKEN_NULL: -1 stored as unsigned.
                Some(id) if id == i128::from(u32::MAX) => Ok(None),
                Some(id) => match u32::try_from(id) {
                    Ok(id) => Ok(Some(id)),
                    Err(_) => Err(self.wrong_type(key, "a token id", value)),
                },
                None => Err(self.wrong_type(key, "a token id", value)),
            },
        }
    }

    pub(super) fn float(&self, key: &str) -> Result<Option<f32>, WeightsError> {
        let value = self.get(key).map(|value| {
            value
                .as_float()
                .ok_or_else(|| self.wrong_type(key, "a float", value))
        });
        value.transpose()
    }

    pub(super) fn bool(&self, key: &str) -> Result<Option<bool>, WeightsError> {
        match self.get(key) {
            None => Ok(None),
            Some(&MetaValue::Bool(value)) => Ok(Some(value)),
            Some(value) => Err(self.wrong_type(key, "a bool", value)),
        }
    }

    pub(super) fn string(&self, key: &str) -> Result<Option<&str>, WeightsError> {
        match self.get(key) {
            None => Ok(None),
            Some(MetaValue::String(value)) => Ok(Some(value)),
            Some(value) => Err(self.wrong_type(key, "a string", value)),
        }
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
        match self.get(key) {
            None => Ok(None),
            Some(value @ MetaValue::Array(array @ MetaArray::Fixed { .. })) => array
                .fixed()
                .map(|element| convert(&element))
                .collect::<Option<Vec<T>>>()
                .map(Some)
                .ok_or_else(|| self.wrong_type(key, expected, value)),
            Some(value) => Err(self.wrong_type(key, expected, value)),
        }
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
