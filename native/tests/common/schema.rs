//! A validator for the part of JSON Schema that our own schemas use.

use serde_json::Value;

/// Returns the violations of `schema` in `value`; `root` is the document that `$ref` refers to.
pub fn faults(root: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.strip_prefix('#').expect("in the same file");
        let schema = root.pointer(pointer).expect(name);
        return faults(root, schema, value, place);
    }
    let mut found = Vec::new();
    if let Some(any) = schema["anyOf"].as_array() {
        let fits = |schema: &Value| faults(root, schema, value, place).is_empty();
        if !any.iter().any(fits) {
            found.push(format!("{place}: {value} is none of anyOf"));
        }
    }
    if let Some(constant) = schema.get("const").filter(|constant| *constant != value) {
        found.push(format!("{place}: {value} is not {constant}"));
    }
    if let Some(wanted) = schema["enum"].as_array().filter(|all| !all.contains(value)) {
        found.push(format!("{place}: {value} is none of {wanted:?}"));
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let is = |name: &Value| match name.as_str().expect("a type's name") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        name => panic!("no type {name}"),
    };
    if !types.is_empty() && !types.iter().any(is) {
        found.push(format!("{place}: {value} is no {types:?}"));
    }
    if let Some(items) = schema.get("items") {
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            found.extend(faults(root, items, item, &format!("{place}[{index}]")));
        }
    }
    let Some(fields) = value.as_object() else {
        return found;
    };
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().expect("a name");
        if !fields.contains_key(name) {
            found.push(format!("{place} has no {name}"));
        }
    }
    if let Some(known) = schema["properties"].as_object() {
        for (name, field) in fields {
            match known.get(name) {
                Some(schema) => {
                    found.extend(faults(root, schema, field, &format!("{place}.{name}")));
                }
                None if schema["additionalProperties"] == false => {
                    found.push(format!("{place}.{name} is not in the schema"));
                }
                None => {}
            }
        }
    }
    found
}
