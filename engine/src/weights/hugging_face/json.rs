//! JSON with typed access. Duplicate keys are errors here; Python and serde would silently use the last one.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::weights::WeightsError;

/// Parses `bytes`; fails if an object in it has a duplicate key.
pub(in crate::weights) fn strict(file: &str, bytes: &[u8]) -> Result<Value, WeightsError> {
    match serde_json::from_slice::<Strict>(bytes) {
        Ok(Strict(value)) => Ok(value),
        Err(error) => Err(WeightsError::Json {
            file: file.to_owned(),
            what: format!("invalid JSON: {error}"),
        }),
    }
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value);
        number
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = all.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((key, Strict(value))) = all.next_entry::<String, Strict>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("duplicate key {key}")));
            }
            object.insert(key, value);
        }
        Ok(object.into())
    }
}

/// Typed access to an object. A null value counts as absent.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a> {
    file: &'a str,
    /// Prefix of the keys in messages, such as `rope_scaling.`.
    prefix: &'a str,
    object: &'a Map<String, Value>,
}

impl<'a> Keys<'a> {
    pub(super) fn new(file: &'a str, value: &'a Value) -> Result<Self, WeightsError> {
        let object = value.as_object().ok_or_else(|| WeightsError::Json {
            file: file.to_owned(),
            what: "not a JSON object".to_owned(),
        })?;
        Ok(Self {
            file,
            prefix: "",
            object,
        })
    }

    pub(super) fn file(&self) -> &'a str {
        self.file
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    /// Returns true if the key exists, even with a null value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.object.contains_key(key)
    }

    /// Returns an object inside this one. Messages put `prefix` before its keys.
    pub(super) fn object(&self, key: &str, prefix: &'a str) -> Result<Option<Self>, WeightsError> {
        let inner = self.typed(key, "an object", Value::as_object)?;
        Ok(inner.map(|object| Self {
            file: self.file,
            prefix,
            object,
        }))
    }

    pub(super) fn size(&self, key: &str) -> Result<Option<usize>, WeightsError> {
        self.typed(key, "a size", |value| usize::try_from(value.as_u64()?).ok())
    }

    pub(super) fn float(&self, key: &str) -> Result<Option<f32>, WeightsError> {
        self.typed(key, "a number", |value| Some(value.as_f64()? as f32))
    }

    pub(super) fn bool(&self, key: &str) -> Result<Option<bool>, WeightsError> {
        self.typed(key, "true or false", Value::as_bool)
    }

    pub(super) fn string(&self, key: &str) -> Result<Option<&'a str>, WeightsError> {
        self.typed(key, "a string", Value::as_str)
    }

    /// Returns a token id or a list of them, without negative ones, which stand for none.
    pub(super) fn ids(&self, key: &str) -> Result<Option<Vec<u32>>, WeightsError> {
        self.typed(key, "a token id or a list of them", |value| {
            let single = std::slice::from_ref(value);
            let all = value.as_array().map_or(single, Vec::as_slice);
            let ids = all
                .iter()
                .map(Value::as_i64)
                .collect::<Option<Vec<i64>>>()?;
            let ids = ids.into_iter().filter(|&id| id >= 0);
            ids.map(|id| u32::try_from(id).ok()).collect()
        })
    }

    pub(super) fn typed<T>(
        &self,
        key: &str,
        expected: &'static str,
        convert: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, WeightsError> {
        let value = self.get(key).map(|value| {
            convert(value).ok_or_else(|| WeightsError::WrongType {
                file: self.file.to_owned(),
                key: format!("{}{key}", self.prefix),
                expected,
                found: value.to_string().chars().take(100).collect(),
            })
        });
        value.transpose()
    }

    pub(super) fn required<T>(&self, key: &str, value: Option<T>) -> Result<T, WeightsError> {
        value.ok_or_else(|| WeightsError::MissingKey {
            file: self.file.to_owned(),
            key: format!("{}{key}", self.prefix),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_rejects_duplicate_keys_at_any_depth() {
        let error = strict("config.json", br#"{"a": [{"b": 1, "c": null, "b": 2}]}"#);
        let message = error.expect_err("b is there twice").to_string();
        assert!(
            message.contains("config.json") && message.contains("duplicate key b at line 1"),
            "{message}"
        );
    }

    #[test]
    fn strict_preserves_valid_json() {
        let text = r#"{"a":[1,-2,3.5,true,null,"x"],"b":{"c":18446744073709551615}}"#;
        let value = strict("x", text.as_bytes()).expect("valid");
        assert_eq!(value.to_string(), text);
    }
}
