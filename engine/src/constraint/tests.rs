//! What may come next, over vocabularies that are known.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::time::{Duration, Instant};

use proptest::prelude::*;
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

/// The texts that may come next; `END` for an end id.
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

/// Takes `text` in byte by byte; whether it is complete.
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
fn an_answer_goes_on_as_the_schema_says_and_ends_with_it() {
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
fn what_could_go_on_ends_with_an_end_id() {
    for tokenizer in [fixtures::smollm(), fixtures::llama()] {
        let mut constraint = compile(&tokenizer, json!({ "type": "integer" })).unwrap();
        assert!(!texts(&tokenizer, &constraint).contains(&"END".into()));
        assert!(!take(&tokenizer, &mut constraint, "7"));
        assert!(texts(&tokenizer, &constraint).contains(&"END".into()));
        assert_eq!(constraint.push(tokenizer.eos_ids()[0]), Ok(true));
    }
}

#[test]
fn characters_come_in_pieces() {
    for tokenizer in [fixtures::smollm(), fixtures::llama()] {
        let mut constraint = compile(&tokenizer, json!({ "const": "é日" })).unwrap();
        assert!(!take(&tokenizer, &mut constraint, "\""));
        assert_eq!(texts(&tokenizer, &constraint), ["\\xc3"]);
        assert!(take(&tokenizer, &mut constraint, "é日\""));
    }
}

#[test]
fn an_id_that_may_not_come_is_an_error() {
    let tokenizer = fixtures::smollm();
    let mut constraint = compile(&tokenizer, json!({ "type": "null" })).unwrap();
    let x = tokenizer.token_to_id("x").unwrap();
    assert!(constraint.push(x).is_err());
    assert!(constraint.look_ahead().is_err());
}

#[test]
fn a_vocabulary_without_the_bytes_is_an_error() {
    let tokenizer = fixtures::smollm();
    // The control tokens and a few bytes.
    let compiled = Constraints::default().compile(&OutputFormat::JsonObject, &tokenizer, 40);
    assert_eq!(compiled.unwrap_err(), ConstraintError::NoToken);
}

#[test]
fn what_is_not_supported_is_said_in_words() {
    for (schema, words) in [
        (json!([]), "has to be an object"),
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
            "nothing in the schema itself",
        ),
        (
            json!({ "$ref": "#/$defs/a" }),
            "nothing in the schema itself",
        ),
        (
            json!({ "oneOf": [{ "type": "integer" }, { "type": "integer", "minimum": 2 }] }),
            "anyOf takes any",
        ),
        (
            json!({ "properties": { "a": { "$id": "http://example.com/" } } }),
            "at its root only",
        ),
        // The library cuts this inside a character, and panics.
        (json!({ "required": "é".repeat(90) }), "panic"),
    ] {
        let error = refused(schema);
        assert!(error.contains(words), "{error}");
        assert!(!error.contains('\n') && error.len() < 500, "{error}");
    }
}

/// What is meant to take more than there is. In a build that is not optimised, like the library's here.
#[test]
fn no_schema_takes_long() {
    let chain = |n: usize| {
        let link = |i: usize| {
            (
                format!("a{i}"),
                json!({ "$ref": format!("#/$defs/a{}", i + 1) }),
            )
        };
        let mut all: serde_json::Map<String, Value> = (0..n).map(link).collect();
        all.insert(format!("a{n}"), json!({ "type": "null" }));
        json!({ "$ref": "#/$defs/a0", "$defs": all })
    };
    let nested = |n: usize| {
        (0..n).fold(
            json!({ "type": "null" }),
            |inner, _| json!({ "type": "array", "items": inner }),
        )
    };
    let arrays = |n: usize| -> Vec<Value> {
        (0..n)
            .map(|i| json!({ "type": "array", "minItems": i }))
            .collect()
    };
    let properties = |n: usize| -> Value {
        (0..n)
            .map(|i| (format!("p{i}"), json!({ "type": "integer" })))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let texts = |n: usize| -> Vec<String> { (0..n).map(|i| format!("word {i}")).collect() };
    let patterns = |n: usize| -> Value {
        let pattern = |i: usize| (format!("^(a|b)*{i}(a|b)*$"), json!({ "type": "null" }));
        (0..n)
            .map(pattern)
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let string = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    let schemas = [
        ("references in a row", chain(450)),
        ("far too many of them", chain(5_000)),
        ("nested arrays", nested(31)),
        ("too deep", nested(100)),
        (
            "properties",
            json!({ "type": "object", "properties": properties(500) }),
        ),
        (
            "too many",
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
            "fewer of them",
            json!({ "allOf": [{ "anyOf": arrays(40) }, { "anyOf": arrays(40) }] }),
        ),
        ("repeated repetition", string("((a{1000}){1000}){1000}")),
        (
            "what no automaton has room for",
            string("(a|b)*a(a|b){300}c"),
        ),
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
            "longest",
            json!({ "type": "string", "maxLength": u64::MAX }),
        ),
        (
            "items",
            json!({ "type": "array", "minItems": 1_000_000_000, "items": { "type": "null" } }),
        ),
        (
            "most items",
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
        ("itself", json!({ "$ref": "#" })),
        (
            "a tree of two kinds",
            json!({ "$defs": {
                "a": { "type": "object", "properties": { "x": { "$ref": "#/$defs/a" } } },
                "b": { "type": "object", "properties": { "x": { "$ref": "#/$defs/b" } } } },
                "allOf": [{ "$ref": "#/$defs/a" }, { "$ref": "#/$defs/b" }] }),
        ),
    ];
    let tokenizer = fixtures::smollm();
    for (what, schema) in schemas {
        let watch = Instant::now();
        let outcome = compile(&tokenizer, schema)
            .map(|mut constraint| walk(&tokenizer, &mut constraint, 7, 40));
        let took = watch.elapsed();
        eprintln!("{took:?} {what}: {outcome:?}");
        assert!(took < Duration::from_secs(20), "{what}: {took:?}");
    }
}

/// Picks ids by chance, after a while such that it ends; the text, where it did.
fn walk(
    tokenizer: &Tokenizer,
    constraint: &mut Constraint,
    seed: u64,
    most: usize,
) -> Result<Option<Vec<u8>>, ConstraintError> {
    let mut state = seed;
    let mut text = Vec::new();
    for n in 0..most {
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
            .find(|id| n > most / 4 && ends(id))
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

/// Schemas of what the next function understands.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({ "type": "null" })),
        Just(json!({ "type": "boolean" })),
        (-50i64..50, 0i64..60).prop_map(|(low, more)| {
            json!({ "type": "integer", "minimum": low, "maximum": low + more })
        }),
        (-9i64..9, 1i64..9).prop_map(|(low, more)| {
            json!({ "type": "number", "minimum": low, "exclusiveMaximum": low + more })
        }),
        (0usize..4, 0usize..6).prop_map(|(least, more)| {
            json!({ "type": "string", "minLength": least, "maxLength": least + more })
        }),
        prop::collection::vec("[a-cé日\"\\\\]{0,4}", 1..4).prop_map(|all| json!({ "enum": all })),
        Just(json!({ "type": "string", "pattern": "^[xy]{2,3}$" })),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let named = prop::collection::vec((inner.clone(), any::<bool>()), 0..4);
        prop_oneof![
            (inner.clone(), 0usize..3, 0usize..3).prop_map(|(items, least, more)| {
                json!({ "type": "array", "items": items, "minItems": least, "maxItems": least + more })
            }),
            prop::collection::vec(inner, 1..4).prop_map(|all| json!({ "anyOf": all })),
            named.prop_map(|all| {
                let mut properties = serde_json::Map::new();
                let mut required = Vec::new();
                for (index, (schema, needed)) in all.into_iter().enumerate() {
                    let name = format!("p{index}");
                    properties.insert(name.clone(), schema);
                    required.extend(needed.then_some(name));
                }
                json!({ "type": "object", "properties": properties, "required": required,
                    "additionalProperties": false })
            }),
        ]
    })
}

/// Whether `value` is what `schema` describes.
fn is_valid(schema: &Value, value: &Value) -> bool {
    let at = |name: &str| schema.get(name);
    if let Some(any) = at("anyOf") {
        return any
            .as_array()
            .unwrap()
            .iter()
            .any(|one| is_valid(one, value));
    }
    if let Some(all) = at("enum") {
        return all.as_array().unwrap().contains(value);
    }
    let within = |least: &str, most: &str, n: f64| {
        at(least).is_none_or(|least| n >= least.as_f64().unwrap())
            && at(most).is_none_or(|most| n <= most.as_f64().unwrap())
    };
    match (at("type").unwrap().as_str().unwrap(), value) {
        ("null", Value::Null) | ("boolean", Value::Bool(_)) => true,
        ("integer", Value::Number(n)) => {
            n.is_i64() && within("minimum", "maximum", n.as_f64().unwrap())
        }
        ("number", Value::Number(n)) => {
            let n = n.as_f64().unwrap();
            within("minimum", "maximum", n) && n < at("exclusiveMaximum").unwrap().as_f64().unwrap()
        }
        ("string", Value::String(text)) => {
            let fits = text.len() >= 2 && text.len() <= 3 && text.chars().all(|c| "xy".contains(c));
            within("minLength", "maxLength", text.chars().count() as f64)
                && (at("pattern").is_none() || fits)
        }
        ("array", Value::Array(all)) => {
            let items = at("items").unwrap();
            within("minItems", "maxItems", all.len() as f64)
                && all.iter().all(|item| is_valid(items, item))
        }
        ("object", Value::Object(all)) => {
            let properties = at("properties").unwrap();
            let required = at("required").unwrap().as_array().unwrap();
            required
                .iter()
                .all(|name| all.contains_key(name.as_str().unwrap()))
                && all.iter().all(|(name, value)| {
                    properties
                        .get(name)
                        .is_some_and(|schema| is_valid(schema, value))
                })
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn whatever_is_picked_is_what_the_schema_describes(schema in schemas(), seed: u64, llama: bool) {
        let tokenizer = if llama { fixtures::llama() } else { fixtures::smollm() };
        let mut constraint = compile(&tokenizer, schema.clone()).unwrap();
        let text = walk(&tokenizer, &mut constraint, seed, 1_000).unwrap().unwrap();
        let text = String::from_utf8(text).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        prop_assert!(is_valid(&schema, &value), "{schema} of {text}");
    }
}
