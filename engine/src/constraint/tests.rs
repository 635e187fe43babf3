//! Tests of masks with known vocabularies.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod described;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Constraint, ConstraintError, Constraints};
use crate::scheduler::OutputFormat;
use crate::tokenizer::{Tokenizer, fixtures};

fn compile(tokenizer: &Tokenizer, schema: Value) -> Result<Constraint, ConstraintError> {
    let format = OutputFormat::JsonSchema(schema);
    Constraints::default().compile(&format, tokenizer, tokenizer.vocab_size() + 3)
}

fn refused(schema: Value) -> String {
    let compiled = compile(&fixtures::smollm(), schema);
    compiled.map(|_| ()).unwrap_err().to_string()
}

fn allowed(constraint: &Constraint) -> Vec<u32> {
    let bit = |id: &u32| constraint.mask()[*id as usize / 32] >> (id % 32) & 1 == 1;
    (0..32 * constraint.mask().len() as u32)
        .filter(bit)
        .collect()
}

/// Returns the texts that may come next; `END` stands for an end id.
fn texts(tokenizer: &Tokenizer, constraint: &Constraint) -> Vec<String> {
    let text = |id: u32| {
        if tokenizer.eos_ids().contains(&id) {
            return "END".to_owned();
        }
        assert!(!tokenizer.is_special(id));
        tokenizer.piece(id).unwrap().escape_ascii().to_string()
    };
    let mut all: Vec<String> = allowed(constraint).into_iter().map(text).collect();
    all.sort_unstable();
    // Two ids may have the same bytes.
    all.dedup();
    all
}

/// Appends `text` byte by byte. Returns whether the answer is complete.
fn take(tokenizer: &Tokenizer, constraint: &mut Constraint, text: &str) -> bool {
    let mut complete = false;
    for byte in text.bytes() {
        assert!(!complete, "{text}");
        let ids = 0..tokenizer.vocab_size() as u32;
        let mut ids = ids.filter(|id| tokenizer.piece(*id).unwrap() == [byte]);
        let id = ids.next().unwrap();
        assert!(allowed(constraint).contains(&id), "{byte} of {text}");
        complete = constraint.push(id).unwrap();
        if !complete {
            constraint.look_ahead().unwrap();
        }
    }
    complete
}

fn object(properties: Value) -> Value {
    let required: Vec<&String> = properties.as_object().unwrap().keys().collect();
    json!({
        "type": "object", "required": required, "properties": properties,
        "additionalProperties": false,
    })
}

#[test]
fn mask_follows_the_schema_until_the_answer_is_complete() {
    for tokenizer in [fixtures::smollm(), fixtures::llama()] {
        let schema = object(json!({ "a": { "enum": [1, 12] } }));
        let mut constraint = compile(&tokenizer, schema).unwrap();
        assert_eq!(texts(&tokenizer, &constraint), ["{"]);
        assert!(!take(&tokenizer, &mut constraint, "{\n \"a\": "));
        let begins = texts(&tokenizer, &constraint);
        assert!(begins == ["1"] || begins == ["1", "12"], "{begins:?}");
        assert!(!take(&tokenizer, &mut constraint, "1"));
        assert_eq!(texts(&tokenizer, &constraint), [" ", "2", "\\n", "}"]);
        assert!(take(&tokenizer, &mut constraint, "2}"));
    }
}

#[test]
fn end_id_completes_an_answer_that_could_continue() {
    for tokenizer in [fixtures::smollm(), fixtures::llama()] {
        let mut constraint = compile(&tokenizer, json!({ "type": "integer" })).unwrap();
        assert!(!texts(&tokenizer, &constraint).contains(&"END".into()));
        assert!(!take(&tokenizer, &mut constraint, "7"));
        assert!(texts(&tokenizer, &constraint).contains(&"END".into()));
        assert_eq!(constraint.push(tokenizer.eos_ids()[0]), Ok(true));
    }
}

#[test]
fn mask_allows_characters_split_across_tokens() {
    for tokenizer in [fixtures::smollm(), fixtures::llama()] {
        let mut constraint = compile(&tokenizer, json!({ "const": "é日" })).unwrap();
        assert!(!take(&tokenizer, &mut constraint, "\""));
        assert_eq!(texts(&tokenizer, &constraint), ["\\xc3"]);
        assert!(take(&tokenizer, &mut constraint, "é日\""));
    }
}

#[test]
fn push_rejects_an_id_outside_the_mask() {
    let tokenizer = fixtures::smollm();
    let mut constraint = compile(&tokenizer, json!({ "type": "null" })).unwrap();
    let x = tokenizer.token_to_id("x").unwrap();
    assert!(constraint.push(x).is_err());
    assert!(constraint.look_ahead().is_err());
}

#[test]
fn format_is_compiled_once_and_its_answers_are_independent() {
    let tokenizer = fixtures::smollm();
    let constraints = Constraints::default();
    let format = OutputFormat::JsonSchema(json!({ "enum": [1, 12] }));
    let rows = tokenizer.vocab_size();
    let compile = || constraints.compile(&format, &tokenizer, rows).unwrap();
    let (mut first, second) = (compile(), compile());
    assert!(!take(&tokenizer, &mut first, "1"));
    assert_eq!(texts(&tokenizer, &first), ["2", "END"]);
    assert_eq!(texts(&tokenizer, &second), texts(&tokenizer, &compile()));
    assert_eq!(constraints.cached_formats(), 1);
}

#[test]
fn cache_keeps_the_latest_formats() {
    let tokenizer = fixtures::smollm();
    let constraints = Constraints::default();
    for n in 0..20 {
        let format = OutputFormat::JsonSchema(json!({ "const": n }));
        let rows = tokenizer.vocab_size();
        constraints.compile(&format, &tokenizer, rows).unwrap();
    }
    assert_eq!(constraints.cached_formats(), 8);
}

#[test]
fn vocabulary_without_the_needed_bytes_is_an_error() {
    let tokenizer = fixtures::smollm();
    // The first ids are control tokens and a few bytes.
    let compiled = Constraints::default().compile(&OutputFormat::JsonObject, &tokenizer, 40);
    assert_eq!(compiled.unwrap_err(), ConstraintError::NoToken);
}

#[test]
fn unsupported_schemas_give_readable_errors() {
    for (schema, words) in [
        (json!([]), "must be an object"),
        (json!({ "type": "thing" }), "thing"),
        (json!({ "not": {} }), "not"),
        (
            json!({ "type": "string", "minLength": 3, "maxLength": 2 }),
            "minLength",
        ),
        (json!({ "type": "string", "pattern": "(" }), "regex"),
        (json!({ "x-guidance": { "lenient": true } }), "x-guidance"),
        (
            json!({ "$ref": "http://example.com/a" }),
            "does not exist in the schema",
        ),
        (
            json!({ "$ref": "#/$defs/a" }),
            "does not exist in the schema",
        ),
        (
            json!({ "oneOf": [{ "type": "integer" }, { "type": "integer", "minimum": 2 }] }),
            "use anyOf instead",
        ),
        (
            json!({ "properties": { "a": { "$id": "http://example.com/" } } }),
            "only at the root",
        ),
        // The library slices this inside a character and panics.
        (json!({ "required": "é".repeat(90) }), "panic"),
    ] {
        let error = refused(schema);
        assert!(error.contains(words), "{error}");
        assert!(!error.contains('\n') && error.len() < 500, "{error}");
    }
}

/// References that form a chain of `n` links.
fn chain(n: usize) -> Value {
    let link = |i: usize| {
        let next = json!({ "$ref": format!("#/$defs/a{}", i + 1) });
        (format!("a{i}"), next)
    };
    let mut all: serde_json::Map<String, Value> = (0..n).map(link).collect();
    all.insert(format!("a{n}"), json!({ "type": "null" }));
    json!({ "$ref": "#/$defs/a0", "$defs": all })
}

fn nested(n: usize) -> Value {
    let array = |inner, _| json!({ "type": "array", "items": inner });
    (0..n).fold(json!({ "type": "null" }), array)
}

fn arrays(n: usize) -> Vec<Value> {
    let array = |i| json!({ "type": "array", "minItems": i });
    (0..n).map(array).collect()
}

/// An object with `n` entries of the given type, named by `name`.
fn entries(n: usize, kind: &str, name: impl Fn(usize) -> String) -> Value {
    let entry = |i| (name(i), json!({ "type": kind }));
    Value::Object((0..n).map(entry).collect())
}

fn properties(n: usize) -> Value {
    entries(n, "integer", |i| format!("p{i}"))
}

/// Schemas designed to exhaust resources.
fn hostile_schemas() -> Vec<(&'static str, Value)> {
    let texts = |n: usize| -> Vec<String> { (0..n).map(|i| format!("word {i}")).collect() };
    let patterns = |n: usize| entries(n, "null", |i| format!("^(a|b)*{i}(a|b)*$"));
    let string = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    vec![
        ("chained references", chain(450)),
        ("too many chained references", chain(5_000)),
        ("nested arrays", nested(31)),
        ("too deeply nested arrays", nested(100)),
        (
            "properties",
            json!({ "type": "object", "properties": properties(500) }),
        ),
        (
            "too many properties",
            json!({ "type": "object", "properties": properties(501) }),
        ),
        ("many words", json!({ "enum": texts(500) })),
        ("very many words", json!({ "enum": texts(9_000) })),
        (
            "alternatives that multiply",
            json!({ "allOf": [{ "anyOf": arrays(200) }, { "anyOf": arrays(200) },
                { "type": "array", "items": { "type": "object", "properties": properties(400) } }] }),
        ),
        (
            "fewer alternatives that multiply",
            json!({ "allOf": [{ "anyOf": arrays(40) }, { "anyOf": arrays(40) }] }),
        ),
        ("repeated repetition", string("((a{1000}){1000}){1000}")),
        ("exponential automaton", string("(a|b)*a(a|b){300}c")),
        ("classes", string(r"^(\w+\s?\p{Greek}*){50}$")),
        (
            "nested groups",
            string(&format!("{}a{}", "(".repeat(400), ")".repeat(400))),
        ),
        (
            "patterns that may overlap",
            json!({ "type": "object", "patternProperties": patterns(60) }),
        ),
        (
            "lengths",
            json!({ "type": "string", "minLength": 1_000_000, "maxLength": 2_000_000 }),
        ),
        (
            "maximum length",
            json!({ "type": "string", "maxLength": u64::MAX }),
        ),
        (
            "items",
            json!({ "type": "array", "minItems": 1_000_000_000, "items": { "type": "null" } }),
        ),
        (
            "maximum items",
            json!({ "type": "array", "minItems": u64::MAX, "items": { "type": "null" } }),
        ),
        (
            "large numbers",
            json!({ "type": "integer", "minimum": -1e300, "maximum": 1e300 }),
        ),
        (
            "multiples",
            json!({ "allOf": [{ "type": "number", "multipleOf": 0.000_000_7 },
                { "type": "number", "multipleOf": 4_000_000_007u64 }] }),
        ),
        ("self-reference", json!({ "$ref": "#" })),
        (
            "two recursive trees",
            json!({ "$defs": {
                "a": { "type": "object", "properties": { "x": { "$ref": "#/$defs/a" } } },
                "b": { "type": "object", "properties": { "x": { "$ref": "#/$defs/b" } } } },
                "allOf": [{ "$ref": "#/$defs/a" }, { "$ref": "#/$defs/b" }] }),
        ),
    ]
}

/// This build and its library are not optimised, so the time limit is generous.
#[test]
fn hostile_schemas_compile_or_fail_quickly() {
    let tokenizer = fixtures::smollm();
    for (what, schema) in hostile_schemas() {
        let watch = Instant::now();
        let outcome = compile(&tokenizer, schema)
            .map(|mut constraint| walk(&tokenizer, &mut constraint, 7, 40));
        let took = watch.elapsed();
        assert!(
            took < Duration::from_secs(20),
            "{what}: {took:?}, {outcome:?}"
        );
    }
}

/// Samples random ids, then after a while only ones that end the answer. Returns the text if it ended.
fn walk(
    tokenizer: &Tokenizer,
    constraint: &mut Constraint,
    seed: u64,
    max_ids: usize,
) -> Result<Option<Vec<u8>>, ConstraintError> {
    let mut state = seed;
    let mut text = Vec::new();
    for n in 0..max_ids {
        let ids = allowed(constraint);
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let by_chance = ids[(state >> 33) as usize % ids.len()];
        let ends = |id: &&u32| {
            let piece = tokenizer.piece(**id).unwrap();
            tokenizer.eos_ids().contains(id) || [&b"\""[..], b"}", b"]"].contains(&piece)
        };
        let id = ids
            .iter()
            .find(|id| n > max_ids / 4 && ends(id))
            .copied()
            .unwrap_or(by_chance);
        let complete = constraint.push(id)?;
        if !tokenizer.eos_ids().contains(&id) {
            text.extend_from_slice(tokenizer.piece(id).unwrap());
        }
        if complete {
            return Ok(Some(text));
        }
        constraint.look_ahead()?;
    }
    Ok(None)
}
