//! Chat templates: Jinja as Hugging Face's transformers runs it.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, State, Value, context};

use super::error::TokenizerError;
use super::{Message, TemplateOptions};
use crate::platform::run_within;

mod date;
mod generation;
mod json;
mod methods;

/// Maximum cost of a rendering: about as many instructions, or 64 times as many bytes. A chat of a thousand turns
/// takes about 200,000. Values cannot nest deeper than this either, and printing, comparing and dropping them
/// recurses; [`run_within`] provides the stack for it.
const FUEL: u64 = 500_000;
/// Maximum bytes of a template's source; the longest of real models have 30 KB. Each nesting level of an expression
/// takes at least two bytes, and the parser recurses.
const MAX_SOURCE_BYTES: usize = 128 << 10;
/// Time limit for compiling and for each rendering. Fuel does not count the steps within one comparison, and nested
/// lists can need any number of them.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Maximum characters of a message that a template raises.
const MAX_MESSAGE: usize = 1000;

const TEMPLATE_NAME: &str = "chat";

/// A chat template, compiled once.
pub(super) struct ChatTemplate {
    source: String,
    /// The compiled template, or the reason why there is none.
    environment: Result<Arc<Environment<'static>>, TokenizerError>,
    names: Arc<BTreeMap<String, String>>,
    time: Duration,
    /// Flag of the last abandoned rendering, set once its thread has ended. No rendering starts before that, so
    /// that threads cannot pile up.
    abandoned: Mutex<Option<Arc<AtomicBool>>>,
}

impl fmt::Debug for ChatTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatTemplate")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// Message that a template raised with `raise_exception`.
#[derive(Debug)]
struct RaisedException(String);

impl fmt::Display for RaisedException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RaisedException {}

impl ChatTemplate {
    /// Compiles a template. `names` are the special tokens it can refer to (`bos_token`); `clock` returns the
    /// seconds since 1970 (UTC).
    pub(super) fn new(
        source: String,
        mut names: BTreeMap<String, String>,
        clock: fn() -> i64,
    ) -> Self {
        let environment = compile(&source, clock);
        // Templates concatenate these with strings, which fails for undefined.
        for name in ["bos_token", "eos_token"] {
            names.entry(name.to_owned()).or_default();
        }
        Self {
            source,
            environment,
            names: Arc::new(names),
            time: TIME_LIMIT,
            abandoned: Mutex::new(None),
        }
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    fn abandoned(&self) -> MutexGuard<'_, Option<Arc<AtomicBool>>> {
        // The value is consistent even if a thread panicked while holding the lock.
        self.abandoned
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Renders a conversation.
    ///
    /// # Errors
    /// The template's own error, or the limit that it exceeded.
    pub(super) fn render(
        &self,
        messages: &[Message],
        options: &TemplateOptions,
    ) -> Result<String, TokenizerError> {
        let environment = Arc::clone(self.environment.as_ref().map_err(Clone::clone)?);
        let is_running = |ended: &Arc<AtomicBool>| !ended.load(Ordering::Relaxed);
        if self.abandoned().as_ref().is_some_and(is_running) {
            return Err(template_error(
                "its last rendering exceeded a limit and is still running, so it is not rendered again",
            ));
        }
        let ended = Arc::new(AtomicBool::new(false));
        let (messages, options) = (messages.to_vec(), *options);
        let names = Arc::clone(&self.names);
        let has_ended = Arc::clone(&ended);
        let rendered = run_within(self.time, move || {
            let context = context(&messages, options, &names);
            let rendered = environment
                .get_template(TEMPLATE_NAME)
                .and_then(|it| it.render(context));
            has_ended.store(true, Ordering::Relaxed);
            rendered.map_err(explain)
        });
        rendered.unwrap_or_else(|error| {
            if error.holds_a_thread() {
                *self.abandoned() = Some(ended);
            }
            Err(template_error(error))
        })
    }
}

/// Compiles the source of a template.
fn compile(source: &str, clock: fn() -> i64) -> Result<Arc<Environment<'static>>, TokenizerError> {
    let length = source.len();
    if length > MAX_SOURCE_BYTES {
        return Err(template_error(format_args!(
            "it has {length} bytes; at most {MAX_SOURCE_BYTES} are allowed"
        )));
    }
    let source = source.to_owned();
    let compiled = run_within(TIME_LIMIT, move || {
        environment(&source, clock).map(Arc::new).map_err(explain)
    });
    compiled.unwrap_or_else(|error| Err(template_error(error)))
}

/// Creates an error without a line number.
fn template_error(message: impl fmt::Display) -> TokenizerError {
    TokenizerError::Template {
        message: message.to_string(),
        line: None,
    }
}

/// Returns the variables that a template can use.
fn context(
    messages: &[Message],
    options: TemplateOptions,
    names: &BTreeMap<String, String>,
) -> Value {
    // transformers passes none rather than undefined if the caller does not set these.
    let names = names
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()));
    context! {
        messages => messages.iter().map(turn).collect::<Vec<_>>(),
        add_generation_prompt => options.add_generation_prompt,
        tools => (),
        documents => (),
        ..Value::from_pairs(names)
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
    environment.set_unknown_method_callback(methods::call);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.add_function(
        "raise_exception",
        |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message.clone())
                .with_source(RaisedException(message)))
        },
    );
    environment.add_function("strftime_now", move |format: &str| {
        date::format(clock(), format)
    });
    environment.add_filter(
        "tojson",
        |state: &State, value: &Value, indent: Option<Value>, options: Kwargs| {
            json::to_json(state, value, indent, &options)
        },
    );
    environment.add_template_owned(TEMPLATE_NAME, generation::without_tags(source))?;
    Ok(environment)
}

/// Converts an error of the template engine.
fn explain(error: Error) -> TokenizerError {
    let line = error.line();
    let raised = error
        .source()
        .and_then(|source| source.downcast_ref::<RaisedException>());
    let mut message = match (raised, error.detail()) {
        (Some(RaisedException(message)), _) => message.clone(),
        (None, _) if error.kind() == ErrorKind::OutOfFuel => {
            String::from("it takes too long; it may loop forever")
        }
        (None, Some(detail)) => format!("{}: {detail}", error.kind()),
        (None, None) => error.kind().to_string(),
    };
    if let Some((end, _)) = message.char_indices().nth(MAX_MESSAGE) {
        message.truncate(end);
        message.push_str("...");
    }
    TokenizerError::Template { message, line }
}

#[cfg(test)]
mod tests;
