//! What may come next, over vocabularies that are known.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::time::Instant;

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
    (0..32 * constraint.mask().len() as u32).filter(bit).collect()
}

/// The texts that may come next, without those of special ids.
fn texts(tokenizer: &Tokenizer, constraint: &Constraint) -> Vec<String> {
    let ids = allowed(constraint).into_iter();
    let text = ids.filter(|id| !tokenizer.is_special(*id));
    let text = |id| String::from_utf8_lossy(tokenizer.piece(id).unwrap()).into_owned();
    let mut all: Vec<String> = ids_without_special(tokenizer, constraint).map(text).collect();
    all.sort_unstable();
    all
}
