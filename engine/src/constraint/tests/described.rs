//! Checks random answers against random schemas.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{compile, walk};
use crate::tokenizer::fixtures;

/// Generates schemas that [`is_valid`] understands.
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

/// Returns true if `value` matches `schema`.
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
    fn random_answers_match_their_schema(schema in schemas(), seed: u64, llama: bool) {
        let tokenizer = if llama { fixtures::llama() } else { fixtures::smollm() };
        let mut constraint = compile(&tokenizer, schema.clone()).unwrap();
        let text = walk(&tokenizer, &mut constraint, seed, 1_000).unwrap().unwrap();
        let text = String::from_utf8(text).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        prop_assert!(is_valid(&schema, &value), "{schema} of {text}");
    }
}
