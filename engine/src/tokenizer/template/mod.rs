//! Chat templates: Jinja as Hugging Face's transformers runs it.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, Value, context};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::error::TokenizerError;
use super::{Message, TemplateOptions};

mod date;
mod generation;
mod json;

/// What a rendering may cost: about as many instructions, or 64 times as many bytes. A long chat
/// takes thousands; an endless loop ends within a second.
const FUEL: u64 = 5_000_000;

const NAME: &str = "chat";

/// A chat template, compiled once.
pub(super) struct ChatTemplate {
    source: String,
    /// What is wrong with the template, where something is.
    environment: Result<Environment<'static>, TokenizerError>,
    names: BTreeMap<String, String>,
}

impl fmt::Debug for ChatTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatTemplate")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// What a template said with `raise_exception`.
#[derive(Debug)]
struct Raised(String);

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Raised {}

impl ChatTemplate {
    /// Compiles a template. `names` are the special tokens it knows (`bos_token`), `clock` tells
    /// the seconds since 1970 (UTC).
    pub(super) fn new(
        source: String,
        mut names: BTreeMap<String, String>,
        clock: fn() -> i64,
    ) -> Self {
        let environment = environment(&source, clock).map_err(explain);
        // Templates add these to other strings, which undefined cannot be.
        for name in ["bos_token", "eos_token"] {
            names.entry(name.to_owned()).or_default();
        }
        Self {
            source,
            environment,
            names,
        }
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn render(
        &self,
        messages: &[Message],
        options: &TemplateOptions,
    ) -> Result<String, TokenizerError> {
        let environment = self.environment.as_ref().map_err(Clone::clone)?;
        // What transformers passes where the caller says nothing is none, not undefined.
        let names = self
            .names
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()));
        let context = context! {
            messages => messages.iter().map(turn).collect::<Vec<_>>(),
            add_generation_prompt => options.add_generation_prompt,
            tools => (),
            documents => (),
            ..Value::from_pairs(names)
        };
        environment
            .get_template(NAME)
            .and_then(|it| it.render(context))
            .map_err(explain)
    }
}

fn turn(message: &Message) -> Value {
    Value::from_pairs([
        ("role", message.role.as_str()),
        ("content", message.content.as_str()),
    ])
}

fn environment(source: &str, clock: fn() -> i64) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?,
    );
    environment.set_fuel(Some(FUEL));
    environment.set_unknown_method_callback(unknown_method_callback);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.add_function(
        "raise_exception",
        |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message.clone())
                .with_source(Raised(message)))
        },
    );
    environment.add_function("strftime_now", move |format: &str| {
        date::format(clock(), format)
    });
    environment.add_filter(
        "tojson",
        |value: &Value, indent: Option<Value>, options: Kwargs| {
            json::to_json(value, indent, &options)
        },
    );
    environment.add_template_owned(NAME, generation::without_tags(source))?;
    Ok(environment)
}

/// An error of the template engine in our words.
fn explain(error: Error) -> TokenizerError {
    let line = error.line();
    let raised = error
        .source()
        .and_then(|source| source.downcast_ref::<Raised>());
    let message = match (raised, error.detail()) {
        (Some(Raised(message)), _) => message.clone(),
        (None, _) if error.kind() == ErrorKind::OutOfFuel => {
            String::from("it takes too long; does it loop forever?")
        }
        (None, Some(detail)) => format!("{}: {detail}", error.kind()),
        (None, None) => error.kind().to_string(),
    };
    TokenizerError::Template { message, line }
}

#[cfg(test)]
mod tests;
