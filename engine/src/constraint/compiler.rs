//! Compiles formats to constraints.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use llguidance::api::{ParserLimits, TopLevelGrammar};
use llguidance::earley::SlicedBiasComputer;
use llguidance::toktrie::InferenceCapabilities;
use llguidance::{ParserFactory, TokenParser};
use serde_json::{Value, json};

use super::bounds::check;
use super::state::Constraint;
use super::vocabulary::trie;
use super::{ConstraintError, error};
use crate::platform::on_large_stack;
use crate::scheduler::OutputFormat;
use crate::tokenizer::Tokenizer;

/// Limits on compiling and following a schema, in the library's units: steps that take about 20 ns to 70 ns
/// and up to 2 kB each.
const LIMITS: ParserLimits = ParserLimits {
    max_items_in_row: 2000,
    initial_lexer_fuel: 500_000,
    step_lexer_fuel: 200_000,
    step_max_items: 50_000,
    max_lexer_states: 20_000,
    max_grammar_size: 50_000,
    precompute_large_lexemes: true,
    verbose_errors: false,
};

/// Whitespace between JSON tokens: a space, or a line break with indentation. A model cannot repeat it
/// forever.
const WHITESPACE: &str = r" |\n[ \t]{0,40}";

/// Key of the library's own options in a schema.
const OPTIONS: &str = "x-guidance";

/// Number of compiled formats to cache. A large one takes megabytes.
const MAX_CACHED: usize = 8;

/// Compiles formats for one vocabulary and caches the latest ones. Builds the vocabulary's trie on first use.
///
/// Any number of threads may compile at the same time. Threads that need the same format wait for the first of
/// them.
#[derive(Default)]
pub struct Constraints {
    factory: OnceLock<Result<ParserFactory, ConstraintError>>,
    /// Latest formats, the most recently used last.
    cache: Mutex<Vec<CachedFormat>>,
}

/// A format and, once compiled, the constraint at the start of its answers.
struct CachedFormat {
    format: OutputFormat,
    compiled: Arc<OnceLock<Result<Constraint, ConstraintError>>>,
}

impl std::fmt::Debug for Constraints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Constraints")
            .field("has_trie", &self.factory.get().is_some())
            .finish_non_exhaustive()
    }
}

impl Constraints {
    /// Returns a constraint that keeps an answer to `format`. `rows` is the model's number of ids and must be
    /// the same in every call.
    ///
    /// # Errors
    /// [`ConstraintError`] if the format or the vocabulary is unsuitable.
    pub fn compile(
        &self,
        format: &OutputFormat,
        tokenizer: &Tokenizer,
        rows: usize,
    ) -> Result<Constraint, ConstraintError> {
        let compiled = self.slot(format);
        let compiled = compiled.get_or_init(|| self.compile_anew(format, tokenizer, rows));
        compiled
            .as_ref()
            .map(Constraint::copy)
            .map_err(Clone::clone)
    }

    #[cfg(test)]
    pub(super) fn cached_formats(&self) -> usize {
        self.cache
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Returns the cache slot of a format, whether or not it is compiled yet.
    fn slot(&self, format: &OutputFormat) -> Arc<OnceLock<Result<Constraint, ConstraintError>>> {
        // A panic elsewhere leaves the list either unchanged or fully updated.
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let index = cache.iter().position(|cached| cached.format == *format);
        let found = match index {
            Some(index) => cache.remove(index),
            None => CachedFormat {
                format: format.clone(),
                compiled: Arc::default(),
            },
        };
        let compiled = Arc::clone(&found.compiled);
        if cache.len() >= MAX_CACHED {
            cache.remove(0);
        }
        cache.push(found);
        compiled
    }

    fn compile_anew(
        &self,
        format: &OutputFormat,
        tokenizer: &Tokenizer,
        rows: usize,
    ) -> Result<Constraint, ConstraintError> {
        let factory = self.factory.get_or_init(|| factory(tokenizer, rows));
        let factory = factory.as_ref().map_err(Clone::clone)?;
        // A schema within its bounds can still recurse deeply.
        let parser = on_large_stack(|| parser(factory, schema(format)?));
        let parser = parser.map_err(|error| ConstraintError::Schema(error.to_string()))?;
        Constraint::new(parser?, rows)
    }
}

fn factory(tokenizer: &Tokenizer, rows: usize) -> Result<ParserFactory, ConstraintError> {
    let trie = trie(tokenizer, rows)?;
    let slices = SlicedBiasComputer::json_slices();
    let mut factory = ParserFactory::new(&trie, InferenceCapabilities::default(), &slices)
        .map_err(|error| ConstraintError::Vocabulary(error.to_string()))?;
    factory.quiet();
    *factory.limits_mut() = LIMITS;
    Ok(factory)
}

fn parser(factory: &ParserFactory, schema: Value) -> Result<TokenParser, ConstraintError> {
    let grammar = TopLevelGrammar::from_json_schema(schema);
    let mut parser = factory
        .create_parser(grammar)
        .map_err(|error| ConstraintError::Schema(error::first_line(&error)))?;
    parser.start_without_prompt();
    Ok(parser)
}

fn schema(format: &OutputFormat) -> Result<Value, ConstraintError> {
    with_options(match format {
        OutputFormat::JsonObject => json!({ "type": "object" }),
        OutputFormat::JsonSchema(schema) => {
            check(schema)?;
            schema.clone()
        }
    })
}

/// Adds our options for the library to a schema.
fn with_options(schema: Value) -> Result<Value, ConstraintError> {
    let mut object = match schema {
        Value::Object(object) => object,
        Value::Bool(true) => serde_json::Map::new(),
        _ => {
            let what = "it must be an object";
            return Err(ConstraintError::Schema(what.into()));
        }
    };
    let options = json!({ "whitespace_pattern": WHITESPACE });
    match object.insert(OPTIONS.into(), options) {
        None => Ok(Value::Object(object)),
        Some(_) => Err(ConstraintError::Schema(format!(
            "{OPTIONS} is not supported"
        ))),
    }
}
