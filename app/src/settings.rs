//! What the user can set, and whether it makes sense.

use llamaglass_engine::sampling::SamplingOptions;
use llamaglass_engine::scheduler::{Input, Request};
use llamaglass_engine::tokenizer::Message;
use llamaglass_engine::{BackendChoice, LoadOptions, StubLevel};
use serde::{Deserialize, Serialize};

use crate::server::KeptServer;

/// Seeds that the page draws from: the whole numbers that JavaScript can tell apart.
pub const SEEDS: u64 = 1 << 53;

/// Temperature of the page's answers. Greedy sampling would make Regenerate give the same text again.
const TEMPERATURE: f32 = 0.7;

/// Everything that survives a reload of the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Where the model runs.
    pub backend: BackendChoice,
    /// The adapter that is wanted, by its name. Only programs offer several.
    pub adapter: Option<String>,
    /// Positions of the KV cache; without it, what the model and the engine choose.
    pub context_length: Option<usize>,
    /// Said to the model before the conversation; empty for the model's own.
    pub system_prompt: String,
    /// How tokens are sampled; its seed is not used.
    pub sampling: SamplingOptions,
    /// Seed of every answer; without it, each answer has a new one.
    pub seed: Option<u64>,
    /// Stops an answer that repeats itself without end.
    pub stop_repetition: bool,
    /// The most tokens of an answer; without it, up to the context's end.
    pub max_tokens: Option<usize>,
    /// Texts that end an answer.
    pub stop: Vec<String>,
    /// Whether the token timeline is shown.
    pub overlay: bool,
    /// Light, dark, or as the system is.
    pub theme: Theme,
    /// How far the path of a request is followed, to find out what its parts cost.
    pub stub: StubLevel,
    /// The server that was used last.
    pub server: Option<KeptServer>,
}

/// The page's colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the system is.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The value of the page's `data-theme`.
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
    /// How a model is loaded under these settings.
    pub fn load_options(&self) -> LoadOptions {
        LoadOptions {
            backend: self.backend,
            adapter: self.adapter.clone(),
            context_length: self.context_length,
            stub: self.stub,
            ..LoadOptions::default()
        }
    }

    /// Gives every setting of sampling its default.
    pub fn reset_sampling(&mut self) {
        let Self {
            sampling,
            seed,
            stop_repetition,
            max_tokens,
            stop,
            ..
        } = Self::default();
        self.sampling = sampling;
        self.seed = seed;
        self.stop_repetition = stop_repetition;
        self.max_tokens = max_tokens;
        self.stop = stop;
    }

    /// The request that continues `turns` (without a system prompt) under these settings. `fresh_seed` is used
    /// where no seed is set.
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
    /// Every field, in the form's order.
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

    /// The field's name in test hooks and the document.
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

    /// The field's label.
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

    /// One line on what it does.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Temperature => {
                "0 to 2. 0 always takes the likeliest token; 1 samples the model's own distribution."
            }
            Self::TopK => "Only the k likeliest tokens; 0 for all.",
            Self::TopP => "The likeliest tokens up to this probability; 1 for all.",
            Self::MinP => "At least this fraction as likely as the likeliest; 0 for all.",
            Self::RepetitionPenalty => "Above 1 penalises tokens already used; 1 is off.",
            Self::PresencePenalty => "Subtracted once for a token that the answer has; 0 is off.",
            Self::FrequencyPenalty => "Subtracted each time the answer has it; 0 is off.",
            Self::Seed => {
                "Same seed, prompt and settings give the same text; empty for a new seed for each answer."
            }
            Self::MaxTokens => "Token limit of an answer; empty for up to the context's end.",
            Self::Stop => r"One a line; \n and \t stand for a new line and a tab.",
            Self::ContextLength => {
                "Positions of the KV cache; empty for the default. Applies when the model is loaded again."
            }
        }
    }

    /// What the form shows for `settings`.
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
            Self::Stop => settings
                .stop
                .iter()
                .map(|s| escape(s))
                .collect::<Vec<_>>()
                .join("\n"),
            Self::ContextLength => optional(settings.context_length),
        }
    }

    /// Puts what was typed into `settings`.
    ///
    /// # Errors
    /// Words for the user; `settings` is then as before.
    pub fn set(self, settings: &mut Settings, typed: &str) -> Result<(), String> {
        let typed = if self == Self::Stop {
            typed
        } else {
            typed.trim()
        };
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
                next.stop = typed
                    .lines()
                    .filter(|line| !line.is_empty())
                    .map(unescape)
                    .collect();
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
    typed
        .replace(',', ".")
        .parse()
        .ok()
        .filter(|n: &f32| n.is_finite())
        .ok_or_else(|| format!("{typed:?} is not a number"))
}

fn whole(typed: &str) -> Result<usize, String> {
    typed
        .parse()
        .map_err(|_| format!("{typed:?} is not a whole number of 0 or more"))
}

fn positive(typed: &str) -> Result<Option<usize>, String> {
    match typed {
        "" => Ok(None),
        _ => match typed.parse() {
            Ok(n) if n > 0 => Ok(Some(n)),
            _ => Err(format!("{typed:?} is not a whole number of 1 or more")),
        },
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
