//! From a format to what may come next.

use llguidance::api::{ParserLimits, TopLevelGrammar};
use llguidance::earley::SlicedBiasComputer;
use llguidance::toktrie::InferenceCapabilities;
use llguidance::{ParserFactory, TokenParser};
use serde_json::{Value, json};

use super::answer::Constraint;
use super::bounds::check;
use super::vocabulary::trie;
use super::{ConstraintError, error};
use crate::platform::on_large_stack;
use crate::scheduler::OutputFormat;
use crate::tokenizer::Tokenizer;

/// What compiling and keeping to a schema may take. The units are the library's: steps of about 20 ns to
/// 70 ns, and of up to 2 kB.
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

/// Between what JSON is made of, a space or the beginning of an indented line: nothing that a model could
/// go on with for ever.
const WHITESPACE: &str = r" |\n[ \t]{0,40}";

/// Where the library's own options are in a schema.
const OPTIONS: &str = "x-guidance";

/// Compiles formats for one vocabulary, whose trie is made when it is first needed.
#[derive(Default)]
pub struct Constraints {
    factory: Option<ParserFactory>,
}

impl std::fmt::Debug for Constraints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Constraints")
            .field("has_trie", &self.factory.is_some())
            .finish()
    }
}

impl Constraints {
    /// What keeps an answer to `format`, of a model with `rows` ids, the same at every call.
    ///
    /// # Errors
    /// [`ConstraintError`]: what is wrong with the format, or the vocabulary.
    pub fn compile(
        &mut self,
        format: &OutputFormat,
        tokenizer: &Tokenizer,
        rows: usize,
    ) -> Result<Constraint, ConstraintError> {
        let factory = match self.factory.take() {
            Some(factory) => factory,
            None => factory(tokenizer, rows)?,
        };
        let factory = self.factory.insert(factory);
        // Of recursion that the bounds allow.
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
        .map_err(|error| ConstraintError::Schema(error::words(&error)))?;
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

/// A schema with the library's options: ours.
fn with_options(schema: Value) -> Result<Value, ConstraintError> {
    let mut object = match schema {
        Value::Object(object) => object,
        Value::Bool(true) => serde_json::Map::new(),
        _ => {
            let what = "it has to be an object";
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
