//! Validation against the committed JSON schemas.

use boon::{Compiler, Schemas};
use serde_json::Value;

/// Returns the violations of `schema` in `value`, one per line; `None` if there are none.
pub fn violations(schema: &Value, value: &Value) -> Option<String> {
    const LOCATION: &str = "schema.json";
    let mut compiler = Compiler::new();
    let added = compiler.add_resource(LOCATION, schema.clone());
    added.expect("a valid location");
    let mut schemas = Schemas::new();
    let index = compiler.compile(LOCATION, &mut schemas);
    let index = index.expect("a valid schema");
    let outcome = schemas.validate(value, index);
    outcome.err().map(|error| error.to_string())
}
