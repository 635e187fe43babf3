//! Settings of answers, from flags and `/set`.

use std::str::FromStr;

use anyhow::{Context, Result, anyhow, bail};
use llamaglass_engine::sampling::SamplingOptions;
use llamaglass_engine::scheduler::OutputFormat;

use crate::cli::{ChatArgs, TimingView};

/// Settings of generation and display.
#[derive(Clone, Debug)]
pub struct Settings {
    pub sampling: SamplingOptions,
    /// Stop strings.
    pub stop: Vec<String>,
    /// Maximum number of tokens of an answer.
    pub max_tokens: Option<usize>,
    /// Output format; `/set` can't change it.
    pub format: Option<OutputFormat>,
    /// Amount of timing to show.
    pub timing: TimingView,
}

/// Keys that `/set` accepts.
pub const KEYS: [&str; 10] = [
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "max_tokens",
    "stop",
];

impl Settings {
    /// Returns the settings of the flags, after checking them.
    pub fn from_args(args: &ChatArgs) -> Result<Self> {
        let sampling = args.sampling.options();
        sampling.validate()?;
        if args.stop.iter().any(String::is_empty) {
            bail!("a stop text must not be empty");
        }
        Ok(Self {
            sampling,
            stop: args.stop.clone(),
            max_tokens: args.max_tokens,
            format: format(args)?,
            timing: args.timing,
        })
    }

    /// Sets one of [`KEYS`]; if the value is refused, nothing changes. `stop` adds a string, or removes all if the
    /// value is empty; `max_tokens` 0 removes the limit.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let mut next = self.clone();
        let sampling = &mut next.sampling;
        match key.replace('-', "_").as_str() {
            "temperature" => sampling.temperature = parse(key, value)?,
            "top_k" => sampling.top_k = parse(key, value)?,
            "top_p" => sampling.top_p = parse(key, value)?,
            "min_p" => sampling.min_p = parse(key, value)?,
            "repetition_penalty" => sampling.repetition_penalty = parse(key, value)?,
            "presence_penalty" => sampling.presence_penalty = parse(key, value)?,
            "frequency_penalty" => sampling.frequency_penalty = parse(key, value)?,
            "seed" => sampling.seed = parse(key, value)?,
            "max_tokens" => next.max_tokens = Some(parse(key, value)?).filter(|max| *max > 0),
            "stop" if value.is_empty() => next.stop.clear(),
            "stop" => next.stop.push(value.to_owned()),
            _ => bail!(
                "unknown setting {key:?}; expected one of: {}",
                KEYS.join(", ")
            ),
        }
        next.sampling.validate()?;
        *self = next;
        Ok(())
    }
}

fn format(args: &ChatArgs) -> Result<Option<OutputFormat>> {
    let Some(file) = &args.json_schema else {
        return Ok(args.json_object.then_some(OutputFormat::JsonObject));
    };
    let name = file.display();
    let text = std::fs::read(file).with_context(|| format!("reading {name}"))?;
    let schema = serde_json::from_slice(&text).with_context(|| format!("{name} is not JSON"))?;
    Ok(Some(OutputFormat::JsonSchema(schema)))
}

fn parse<T: FromStr>(key: &str, value: &str) -> Result<T> {
    value
        .parse()
        .map_err(|_| anyhow!("invalid value {value:?} for {key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            sampling: SamplingOptions::default(),
            stop: Vec::new(),
            max_tokens: None,
            format: None,
            timing: TimingView::Off,
        }
    }

    #[test]
    fn every_key_is_settable() {
        let mut settings = settings();
        for key in KEYS {
            settings.set(key, "1").expect(key);
        }
        assert_eq!(settings.sampling.top_k, 1);
        assert_eq!(settings.max_tokens, Some(1));
        settings.set("max-tokens", "0").expect("dashes are as good");
        assert_eq!(settings.max_tokens, None);
        assert_eq!(settings.stop, ["1"]);
        settings.set("stop", "").expect("forgets");
        assert!(settings.stop.is_empty());
    }

    #[test]
    fn refused_value_changes_nothing() {
        let mut settings = settings();
        for (key, value) in [
            ("top_p", "2"),
            ("seed", "-1"),
            ("temperature", "NaN"),
            ("temperature", "9"),
            ("presence_penalty", "-2.5"),
            ("x", "1"),
        ] {
            let error = settings.set(key, value).expect_err(key).to_string();
            assert!(error.contains(key), "{error}");
        }
        assert_eq!(settings.sampling, SamplingOptions::default());
    }
}
