//! Limits on the size of a schema. The library's own limits apply only after it has parsed the schema, with
//! recursion and copies.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::ConstraintError;
use crate::platform::SCHEMA_LEVELS;

/// Maximum number of values in the schema, including those of keywords.
const MAX_VALUES: usize = 10_000;
/// Maximum bytes of all its strings and names.
const MAX_TEXT_BYTES: usize = 256 << 10;
/// Maximum nesting depth of values.
const MAX_DEPTH: usize = 64;
/// Maximum number of entries per object: the library recurses from property to property.
const MAX_PROPERTIES: usize = 500;
/// Maximum number of regular expressions.
const MAX_PATTERNS: usize = 64;
/// Maximum bytes of one regular expression.
const MAX_PATTERN_BYTES: usize = 1_000;
/// Maximum size after the alternatives of schemas that must hold together are multiplied out.
const MAX_EXPANDED_SIZE: usize = 50_000;

/// Checks the size of an untrusted schema.
///
/// # Errors
/// [`ConstraintError`] that names the limit exceeded, or an unsupported reference or keyword.
pub(super) fn check(schema: &Value) -> Result<(), ConstraintError> {
    let stats = SchemaStats::of(schema)?;
    let mut expansion = Expansion {
        root: schema,
        known: HashMap::new(),
    };
    // Each referenced schema may be compiled inside another.
    let mut levels = stats.depth;
    for reference in &stats.references {
        let target = expansion.target(reference)?;
        levels += SchemaStats::of(target)?.depth;
        check_max(levels, SCHEMA_LEVELS, "levels including its references")?;
    }
    let size = expansion.schema(schema)?.size;
    check_max(
        size,
        MAX_EXPANDED_SIZE,
        "parts after its alternatives are combined",
    )
}

fn check_max(count: usize, max: usize, what: &str) -> Result<(), ConstraintError> {
    if count <= max {
        return Ok(());
    }
    let what = format!("{count} {what}");
    Err(ConstraintError::TooLarge { what, max })
}

fn check_pattern(pattern: &str) -> Result<(), ConstraintError> {
    let what = "bytes of one regular expression";
    check_max(pattern.len(), MAX_PATTERN_BYTES, what)
}

/// Contents of a schema, counted without regard to their meaning.
#[derive(Default)]
struct SchemaStats<'a> {
    values: usize,
    text: usize,
    depth: usize,
    patterns: usize,
    /// References, without duplicates.
    references: Vec<&'a str>,
}

impl<'a> SchemaStats<'a> {
    fn of(schema: &'a Value) -> Result<Self, ConstraintError> {
        let mut stats = Self::default();
        let mut open = vec![(schema, 1)];
        while let Some((value, depth)) = open.pop() {
            stats.values += 1;
            stats.depth = stats.depth.max(depth);
            check_max(stats.depth, MAX_DEPTH, "nested values")?;
            match value {
                Value::String(text) => stats.text += text.len(),
                Value::Array(all) => open.extend(all.iter().map(|value| (value, depth + 1))),
                Value::Object(object) => {
                    check_max(object.len(), MAX_PROPERTIES, "entries in one object")?;
                    for (key, value) in object {
                        stats.text += key.len();
                        stats.keyword(key, value, depth > 1)?;
                        open.push((value, depth + 1));
                    }
                }
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
            check_max(stats.values, MAX_VALUES, "values")?;
            check_max(stats.text, MAX_TEXT_BYTES, "bytes of text")?;
            check_max(stats.patterns, MAX_PATTERNS, "regular expressions")?;
        }
        Ok(stats)
    }

    /// Checks and counts one keyword at any level.
    fn keyword(
        &mut self,
        key: &str,
        value: &'a Value,
        nested: bool,
    ) -> Result<(), ConstraintError> {
        match (key, value) {
            ("$ref", Value::String(reference))
                if !self.references.contains(&reference.as_str()) =>
            {
                self.references.push(reference);
            }
            ("pattern", Value::String(pattern)) => {
                self.patterns += 1;
                check_pattern(pattern)?;
            }
            ("patternProperties", Value::Object(all)) => {
                self.patterns += all.len();
                all.keys().try_for_each(|pattern| check_pattern(pattern))?;
            }
            // A nested $id would change the meaning of references.
            ("$id", Value::String(_)) if nested => {
                let what = "$id is supported only at the root";
                return Err(ConstraintError::Schema(what.into()));
            }
            ("$schema", Value::String(draft))
                if draft.contains("draft-03") || draft.contains("draft-04") =>
            {
                let what = format!("{draft} is older than draft 6");
                return Err(ConstraintError::Schema(what));
            }
            _ => {}
        }
        Ok(())
    }
}

/// Size of a schema after alternatives that must hold together are multiplied out.
#[derive(Clone, Copy)]
struct ExpandedSize {
    alternatives: usize,
    size: usize,
}

impl ExpandedSize {
    const ONE: Self = Self {
        alternatives: 1,
        size: 1,
    };

    /// Combines two alternatives.
    fn or(self, other: Self) -> Self {
        Self {
            alternatives: self.alternatives.saturating_add(other.alternatives),
            size: self.size.saturating_add(other.size),
        }
    }

    /// Combines two schemas that must both hold: each alternative of one with each of the other.
    fn and(self, other: Self) -> Self {
        let times = |size: usize, alternatives: usize| size.saturating_mul(alternatives);
        let size = times(self.size, other.alternatives);
        Self {
            alternatives: times(self.alternatives, other.alternatives),
            size: size.saturating_add(times(other.size, self.alternatives)),
        }
    }

    /// Adds a part.
    fn with(self, part: Self) -> Self {
        Self {
            size: self.size.saturating_add(part.size),
            ..self
        }
    }
}

struct Expansion<'a> {
    root: &'a Value,
    /// Sizes of references. One that is still being expanded counts as a single part.
    known: HashMap<&'a str, ExpandedSize>,
}

impl<'a> Expansion<'a> {
    fn schema(&mut self, schema: &'a Value) -> Result<ExpandedSize, ConstraintError> {
        let Value::Object(object) = schema else {
            return Ok(ExpandedSize::ONE);
        };
        let mut whole = self.own_size(object)?;
        for (key, value) in object {
            let factor = match (key.as_str(), value) {
                ("anyOf" | "oneOf", Value::Array(all)) => {
                    let mut any = ExpandedSize {
                        alternatives: 0,
                        size: 0,
                    };
                    for one in all {
                        any = any.or(self.schema(one)?);
                    }
                    any
                }
                ("allOf", Value::Array(all)) => {
                    let mut every = ExpandedSize::ONE;
                    for one in all {
                        every = every.and(self.schema(one)?);
                    }
                    every
                }
                ("enum", Value::Array(all)) => ExpandedSize {
                    alternatives: all.len(),
                    size: all.iter().map(count).sum(),
                },
                ("const", value) => ExpandedSize {
                    size: count(value),
                    ..ExpandedSize::ONE
                },
                ("$ref", Value::String(reference)) => self.reference(reference)?,
                _ => continue,
            };
            whole = whole.and(factor);
        }
        Ok(whole)
    }

    /// Expands everything except alternatives and references.
    fn own_size(
        &mut self,
        object: &'a Map<String, Value>,
    ) -> Result<ExpandedSize, ConstraintError> {
        let alternatives = match object.get("type") {
            Some(Value::Array(types)) => types.len().max(1),
            _ => 1,
        };
        let mut own_size = ExpandedSize {
            alternatives,
            ..ExpandedSize::ONE
        };
        let mut parts = Vec::new();
        for (key, value) in object {
            match (key.as_str(), value) {
                ("properties" | "patternProperties", Value::Object(all)) => {
                    parts.extend(all.values());
                }
                ("prefixItems" | "items", Value::Array(all)) => parts.extend(all),
                ("items" | "additionalItems" | "additionalProperties", value) => parts.push(value),
                _ => {}
            }
        }
        for part in parts {
            own_size = own_size.with(self.schema(part)?);
        }
        Ok(own_size)
    }

    fn reference(&mut self, reference: &'a str) -> Result<ExpandedSize, ConstraintError> {
        if let Some(known) = self.known.get(reference) {
            return Ok(*known);
        }
        self.known.insert(reference, ExpandedSize::ONE);
        let target = self.target(reference)?;
        let expanded = self.schema(target)?;
        self.known.insert(reference, expanded);
        Ok(expanded)
    }

    fn target(&self, reference: &str) -> Result<&'a Value, ConstraintError> {
        let pointer = reference.strip_prefix('#').and_then(decoded);
        let target = pointer.and_then(|pointer| self.root.pointer(&pointer));
        target.ok_or_else(|| {
            ConstraintError::Schema(format!("$ref {reference:?} does not exist in the schema"))
        })
    }
}

fn count(value: &Value) -> usize {
    match value {
        Value::Array(all) => 1 + all.iter().map(count).sum::<usize>(),
        Value::Object(all) => 1 + all.values().map(count).sum::<usize>(),
        _ => 1,
    }
}

/// Percent-decodes a fragment; `None` if an escape is invalid.
fn decoded(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut parts = fragment.split('%');
    bytes.extend(parts.next()?.bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend(rest.bytes());
    }
    String::from_utf8(bytes).ok()
}
