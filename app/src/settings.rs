//! User settings and their validation.

use llamaglass_lab::StubLevel;
use llamaglass_types::{BackendChoice, Input, LoadOptions, Message, Request, SamplingOptions};
use serde::{Deserialize, Serialize};

use crate::server::SavedServer;

/// Number of seeds that the page draws from: JavaScript represents every integer below 2^53 exactly.
pub const SEEDS: u64 = 1 << 53;

/// Default temperature. Greedy sampling would make Regenerate give the same text again.
const TEMPERATURE: f32 = 0.7;

/// Settings that survive a reload of the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Backend that runs the model.
    pub backend: BackendChoice,
    /// Name of the preferred adapter. Only the desktop program offers several.
    pub adapter: Option<String>,
    /// Positions of the KV cache; `None` for the default of model and engine.
    pub context_length: Option<usize>,
    /// System prompt; empty for the model's own.
    pub system_prompt: String,
    /// Sampling options; their seed is not used.
    pub sampling: SamplingOptions,
    /// Seed of every answer; `None` draws a new seed for each.
    pub seed: Option<u64>,
    /// Stops an answer that repeats itself without end.
    pub stop_repetition: bool,
    /// Maximum number of tokens per answer; `None` for up to the end of the context.
    pub max_tokens: Option<usize>,
    /// Stop strings.
    pub stop: Vec<String>,
    /// Shows the token timeline.
    pub overlay: bool,
    /// Colour theme.
    pub theme: Theme,
    /// Stub level at which requests are cut short, to measure what the parts of their path cost.
    pub stub: StubLevel,
    /// The last server used.
    pub server: Option<SavedServer>,
}

/// Colour theme of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// Follows the system.
    #[default]
    System,
    /// Light colours.
    Light,
    /// Dark colours.
    Dark,
}

impl Theme {
    /// Returns the value of the page's `data-theme`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            backend: BackendChoice::default(),
            adapter: None,
            context_length: None,
            system_prompt: String::new(),
            sampling: default_sampling(),
            seed: None,
            stop_repetition: true,
            max_tokens: None,
            stop: Vec::new(),
            overlay: true,
            theme: Theme::default(),
            stub: StubLevel::default(),
            server: None,
        }
    }
}

impl Settings {
    /// Returns the options with which a model is loaded.
    pub fn load_options(&self) -> LoadOptions {
        LoadOptions {
            backend: self.backend,
            adapter: self.adapter.clone(),
            context_length: self.context_length,
            ..LoadOptions::default()
        }
    }

    /// Resets sampling, seed, repetition guard, token limit and stop strings to their defaults.
    pub fn reset_sampling(&mut self) {
        let default = Self::default();
        self.sampling = default.sampling;
        self.seed = default.seed;
        self.stop_repetition = default.stop_repetition;
        self.max_tokens = default.max_tokens;
        self.stop = default.stop;
    }

    /// Builds the request that continues `turns`, which have no system prompt. `fresh_seed` is used if no seed is
    /// set.
    pub fn request(&self, turns: Vec<Message>, fresh_seed: u64) -> Request {
        let system = (!self.system_prompt.trim().is_empty()).then(|| Message {
            role: "system".into(),
            content: self.system_prompt.clone(),
        });
        let turns = system.into_iter().chain(turns).collect();
        Request {
            sampling: SamplingOptions {
                seed: self.seed.unwrap_or(fresh_seed),
                ..self.sampling.clone()
            },
            stop: self.stop.clone(),
            max_tokens: self.max_tokens,
            ..Request::new(Input::Messages(turns))
        }
    }
}

fn default_sampling() -> SamplingOptions {
    SamplingOptions {
        temperature: TEMPERATURE,
        ..SamplingOptions::default()
    }
}

/// A field of the settings form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// [`SamplingOptions::temperature`].
    Temperature,
    /// [`SamplingOptions::top_k`].
    TopK,
    /// [`SamplingOptions::top_p`].
    TopP,
    /// [`SamplingOptions::min_p`].
    MinP,
    /// [`SamplingOptions::repetition_penalty`].
    RepetitionPenalty,
    /// [`SamplingOptions::presence_penalty`].
    PresencePenalty,
    /// [`SamplingOptions::frequency_penalty`].
    FrequencyPenalty,
    /// [`Settings::seed`].
    Seed,
    /// [`Settings::max_tokens`].
    MaxTokens,
    /// [`Settings::stop`].
    Stop,
    /// [`Settings::context_length`].
    ContextLength,
}

impl Field {
    /// All fields in the order of the form.
    pub const ALL: [Self; 11] = [
        Self::Temperature,
        Self::TopK,
        Self::TopP,
        Self::MinP,
        Self::RepetitionPenalty,
        Self::PresencePenalty,
        Self::FrequencyPenalty,
        Self::Seed,
        Self::MaxTokens,
        Self::Stop,
        Self::ContextLength,
    ];

    /// Returns the field's id in test hooks and the document.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Temperature => "settings-temperature",
            Self::TopK => "settings-top-k",
            Self::TopP => "settings-top-p",
            Self::MinP => "settings-min-p",
            Self::RepetitionPenalty => "settings-repetition-penalty",
            Self::PresencePenalty => "settings-presence-penalty",
            Self::FrequencyPenalty => "settings-frequency-penalty",
            Self::Seed => "settings-seed",
            Self::MaxTokens => "settings-max-tokens",
            Self::Stop => "settings-stop",
            Self::ContextLength => "settings-context-length",
        }
    }

    /// Returns the field's label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Temperature => "Temperature",
            Self::TopK => "Top-k",
            Self::TopP => "Top-p",
            Self::MinP => "Min-p",
            Self::RepetitionPenalty => "Repetition penalty",
            Self::PresencePenalty => "Presence penalty",
            Self::FrequencyPenalty => "Frequency penalty",
            Self::Seed => "Seed",
            Self::MaxTokens => "Max tokens",
            Self::Stop => "Stop strings",
            Self::ContextLength => "Context length",
        }
    }

    /// Returns one line of help.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Temperature => {
                "0 to 2. 0 always takes the likeliest token; 1 samples the model's own distribution."
            }
            Self::TopK => "Keep only the k likeliest tokens; 0 keeps all.",
            Self::TopP => "Keep the likeliest tokens up to this total probability; 1 keeps all.",
            Self::MinP => {
                "Keep tokens at least this fraction as likely as the likeliest; 0 keeps all."
            }
            Self::RepetitionPenalty => "Above 1 penalises tokens already used; 1 is off.",
            Self::PresencePenalty => "Subtracted once from tokens already in the answer; 0 is off.",
            Self::FrequencyPenalty => "Subtracted once per occurrence in the answer; 0 is off.",
            Self::Seed => {
                "The same seed, prompt and settings give the same text. Empty: a new seed per answer."
            }
            Self::MaxTokens => "Maximum tokens per answer. Empty: up to the end of the context.",
            Self::Stop => r"One per line; \n and \t stand for a new line and a tab.",
            Self::ContextLength => {
                "Positions of the KV cache. Empty: the default. Applies at the next load."
            }
        }
    }

    /// Formats the field's value in `settings` for the form.
    pub fn show(self, settings: &Settings) -> String {
        let s = &settings.sampling;
        let optional = |n: Option<usize>| n.map(|n| n.to_string()).unwrap_or_default();
        match self {
            Self::Temperature => s.temperature.to_string(),
            Self::TopK => s.top_k.to_string(),
            Self::TopP => s.top_p.to_string(),
            Self::MinP => s.min_p.to_string(),
            Self::RepetitionPenalty => s.repetition_penalty.to_string(),
            Self::PresencePenalty => s.presence_penalty.to_string(),
            Self::FrequencyPenalty => s.frequency_penalty.to_string(),
            Self::Seed => settings.seed.map(|n| n.to_string()).unwrap_or_default(),
            Self::MaxTokens => optional(settings.max_tokens),
            Self::Stop => {
                let lines: Vec<String> = settings.stop.iter().map(|s| escape(s)).collect();
                lines.join("\n")
            }
            Self::ContextLength => optional(settings.context_length),
        }
    }

    /// Parses what was typed and stores it in `settings`.
    ///
    /// # Errors
    /// Returns a message for the user and leaves `settings` unchanged.
    pub fn set(self, settings: &mut Settings, typed: &str) -> Result<(), String> {
        let is_text = self == Self::Stop;
        let typed = if is_text { typed } else { typed.trim() };
        let mut next = settings.clone();
        let s = &mut next.sampling;
        match self {
            Self::Temperature => s.temperature = number(typed)?,
            Self::TopK => s.top_k = whole(typed)?,
            Self::TopP => s.top_p = number(typed)?,
            Self::MinP => s.min_p = number(typed)?,
            Self::RepetitionPenalty => s.repetition_penalty = number(typed)?,
            Self::PresencePenalty => s.presence_penalty = number(typed)?,
            Self::FrequencyPenalty => s.frequency_penalty = number(typed)?,
            Self::Seed if typed.is_empty() => next.seed = None,
            Self::Seed => {
                let seed = typed.parse().map_err(|_| {
                    format!("{typed:?} is not a whole number from 0 to {}", u64::MAX)
                })?;
                next.seed = Some(seed);
            }
            Self::MaxTokens => next.max_tokens = positive(typed)?,
            Self::ContextLength => next.context_length = positive(typed)?,
            Self::Stop => {
                let lines = typed.lines().filter(|line| !line.is_empty());
                next.stop = lines.map(unescape).collect();
            }
        }
        next.sampling
            .validate()
            .map_err(|error| error.to_string())?;
        *settings = next;
        Ok(())
    }
}

fn number(typed: &str) -> Result<f32, String> {
    let number = typed.replace(',', ".").parse().ok();
    let finite = number.filter(|n: &f32| n.is_finite());
    finite.ok_or_else(|| format!("{typed:?} is not a number"))
}

fn whole(typed: &str) -> Result<usize, String> {
    typed
        .parse()
        .map_err(|_| format!("{typed:?} is not a whole number of 0 or more"))
}

fn positive(typed: &str) -> Result<Option<usize>, String> {
    match typed.parse() {
        _ if typed.is_empty() => Ok(None),
        Ok(n) if n > 0 => Ok(Some(n)),
        _ => Err(format!("{typed:?} is not a whole number of 1 or more")),
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', r"\\")
        .replace('\n', r"\n")
        .replace('\t', r"\t")
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('\\') | None => out.push('\\'),
            Some(other) => out.extend(['\\', other]),
        }
    }
    out
}

#[cfg(test)]
mod tests;
