//! Settings of an experiment, as the user types them and as the experiment uses them.

use llamaglass_lab::experiments::ablate::Switch;
use llamaglass_lab::experiments::stub::StubLoad;
use llamaglass_lab::{Arrivals, Experiment, StubLevel};
use serde::{Deserialize, Serialize};

/// Settings of an experiment. Every experiment has all of them and reads only those listed by [`fields`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabSettings {
    /// Number of dataset rows; 0 for all.
    pub rows: usize,
    /// Tokens per prompt.
    pub prompt_tokens: usize,
    /// Tokens per answer; 0 for as many as the row's reference answer has.
    pub tokens: usize,
    /// Answer lengths in tokens, for experiments that measure several.
    pub lengths: Vec<usize>,
    /// Number of measurements of each kind.
    pub repeats: usize,
    /// Rates in requests per second.
    pub qps: Vec<f64>,
    /// Duration of each load, in seconds.
    pub duration_s: f64,
    /// Distribution of the gaps between requests.
    pub arrivals: Arrivals,
    /// Switch of a second run that does one thing worse, if any.
    pub with: Option<Switch>,
    /// Switches to measure, each of which makes one thing worse.
    pub switches: Vec<Switch>,
    /// Levels at which the request path is cut short.
    pub levels: Vec<StubLevel>,
    /// Seed of all random draws.
    pub seed: u64,
}

/// A field of [`LabSettings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Field {
    /// `rows`
    Rows,
    /// `prompt_tokens`
    PromptTokens,
    /// `tokens`
    Tokens,
    /// `lengths`
    Lengths,
    /// `repeats`
    Repeats,
    /// `qps`
    Qps,
    /// `duration_s`
    Duration,
    /// `arrivals`
    Arrivals,
    /// `with`
    With,
    /// `switches`
    Switches,
    /// `levels`
    Levels,
    /// `seed`
    Seed,
}

/// Returns the fields that an experiment reads.
pub const fn fields(experiment: Experiment) -> &'static [Field] {
    match experiment {
        Experiment::Stats => &[Field::Rows],
        Experiment::Bare => &[Field::Rows, Field::Tokens],
        Experiment::Ladder => &[Field::Lengths, Field::Repeats],
        Experiment::Load => &[
            Field::Qps,
            Field::Duration,
            Field::Tokens,
            Field::Arrivals,
            Field::Seed,
        ],
        Experiment::Parity => &[Field::Rows, Field::Tokens],
        Experiment::Chain => &[Field::Rows, Field::Tokens, Field::With],
        Experiment::Ablate => &[
            Field::PromptTokens,
            Field::Tokens,
            Field::Repeats,
            Field::Seed,
            Field::Switches,
        ],
        Experiment::Simulate => &[Field::Rows, Field::Qps, Field::Tokens, Field::Seed],
        Experiment::Stub => &[
            Field::Qps,
            Field::Duration,
            Field::Tokens,
            Field::Repeats,
            Field::Levels,
        ],
        Experiment::Kernels => &[Field::PromptTokens, Field::Repeats],
    }
}

impl LabSettings {
    /// Returns default settings; with them, an experiment takes about a minute on two cores without a GPU.
    pub fn of(experiment: Experiment) -> Self {
        let rows = match experiment {
            Experiment::Stats => 0,
            Experiment::Parity => 2,
            Experiment::Simulate => 8,
            _ => 4,
        };
        let (tokens, repeats) = match experiment {
            Experiment::Ablate => (8, 4),
            Experiment::Stub => (4, 3),
            Experiment::Ladder => (0, 3),
            Experiment::Bare => (24, 1),
            Experiment::Load => (8, 1),
            _ => (16, 3),
        };
        let (qps, duration_s) = match experiment {
            Experiment::Stub => (vec![10.0], 1.0),
            Experiment::Simulate => (vec![1.0], 0.0),
            _ => (vec![0.5, 1.0], 10.0),
        };
        Self {
            rows,
            prompt_tokens: match experiment {
                Experiment::Kernels => 64,
                _ => 32,
            },
            tokens,
            lengths: vec![1, 5, 10, 30],
            repeats,
            qps,
            duration_s,
            arrivals: match experiment {
                Experiment::Load => Arrivals::Poisson,
                _ => Arrivals::Constant,
            },
            with: None,
            switches: Switch::ALL.to_vec(),
            levels: StubLevel::ALL
                .into_iter()
                .filter(|level| *level != StubLevel::RandomWeights)
                .collect(),
            seed: 0,
        }
    }

    /// Returns the loads that `stub` runs.
    pub fn stub_loads(&self) -> Vec<StubLoad> {
        let load = |qps: &f64| StubLoad {
            qps: *qps,
            duration_s: self.duration_s,
        };
        self.qps.iter().map(load).collect()
    }

    /// Returns a field as the user types it; `None` for a field that is chosen from a list.
    pub fn text(&self, field: Field) -> Option<String> {
        let list = |of: &[f64]| {
            let numbers: Vec<String> = of.iter().map(f64::to_string).collect();
            numbers.join(", ")
        };
        Some(match field {
            Field::Rows => self.rows.to_string(),
            Field::PromptTokens => self.prompt_tokens.to_string(),
            Field::Tokens => self.tokens.to_string(),
            Field::Lengths => list(&self.lengths.iter().map(|n| *n as f64).collect::<Vec<_>>()),
            Field::Repeats => self.repeats.to_string(),
            Field::Qps => list(&self.qps),
            Field::Duration => self.duration_s.to_string(),
            Field::Seed => self.seed.to_string(),
            Field::Arrivals | Field::With | Field::Switches | Field::Levels => return None,
        })
    }

    /// Returns the value of a field in words.
    pub fn chosen(&self, field: Field) -> String {
        match field {
            Field::Arrivals => self.arrivals.name().to_owned(),
            Field::With => self.with.map_or("nothing", Switch::title).to_owned(),
            Field::Switches => {
                let names: Vec<&str> = self.switches.iter().map(|of| of.name()).collect();
                names.join(", ")
            }
            Field::Levels => {
                let numbers: Vec<String> = self.levels.iter().map(ToString::to_string).collect();
                numbers.join(", ")
            }
            field => self.text(field).unwrap_or_default(),
        }
    }

    /// Sets a field to typed text.
    ///
    /// # Errors
    /// A message with the expected input; the settings are unchanged then.
    pub fn take(
        &mut self,
        field: Field,
        typed: &str,
        experiment: Experiment,
    ) -> Result<(), String> {
        let typed = typed.trim();
        let count = |least: usize| {
            let number = typed.parse().ok().filter(|n| (least..=100_000).contains(n));
            number.ok_or_else(|| format!("a whole number from {least} to 100,000"))
        };
        let rate = |text: &str| {
            let number = text.parse::<f64>().ok();
            number.filter(|n| n.is_finite() && *n > 0.0 && *n <= 1e4)
        };
        let parts = || typed.split([',', ' ']).filter(|part| !part.is_empty());
        match field {
            Field::Rows => self.rows = count(0)?,
            Field::PromptTokens => self.prompt_tokens = count(1)?,
            Field::Tokens => self.tokens = count(usize::from(experiment != Experiment::Bare))?,
            Field::Repeats => self.repeats = count(1)?,
            Field::Seed => self.seed = typed.parse().map_err(|_| "a whole number from 0")?,
            Field::Lengths => {
                let length = |part: &str| part.parse().ok().filter(|n| (1..=100_000).contains(n));
                let all = parts().map(length).collect::<Option<Vec<usize>>>();
                let all = all.filter(|all| !all.is_empty());
                self.lengths = all.ok_or("whole numbers from 1, between commas")?;
            }
            Field::Qps => {
                let all = parts().map(rate).collect::<Option<Vec<f64>>>();
                let all = all.filter(|all| !all.is_empty());
                self.qps = all.ok_or("numbers above 0, between commas")?;
            }
            Field::Duration => self.duration_s = rate(typed).ok_or("seconds above 0")?,
            Field::Arrivals | Field::With | Field::Switches | Field::Levels => {}
        }
        Ok(())
    }
}

impl Field {
    /// Returns the label shown to users.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Rows => "Rows (0: all)",
            Self::PromptTokens => "Prompt tokens",
            Self::Tokens => "Answer tokens",
            Self::Lengths => "Answer lengths",
            Self::Repeats => "Repeats",
            Self::Qps => "Requests a second",
            Self::Duration => "Seconds",
            Self::Arrivals => "Arrivals",
            Self::With => "Against a run with",
            Self::Switches => "Done worse",
            Self::Levels => "Levels",
            Self::Seed => "Seed",
        }
    }

    /// Returns the name used by test hooks.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_settings_can_be_typed_back() {
        for experiment in Experiment::ALL {
            let defaults = LabSettings::of(experiment);
            let mut settings = defaults.clone();
            for field in fields(experiment) {
                if let Some(text) = defaults.text(*field) {
                    let taken = settings.take(*field, &text, experiment);
                    assert_eq!(taken, Ok(()), "{experiment} {field:?}");
                }
            }
            assert_eq!(settings, defaults, "{experiment}");
        }
    }

    #[test]
    fn invalid_input_changes_no_setting() {
        let mut settings = LabSettings::of(Experiment::Load);
        let before = settings.clone();
        let wrong = [
            (Field::Tokens, "0"),
            (Field::Tokens, "-1"),
            (Field::Repeats, "1000000"),
            (Field::Qps, "1, x"),
            (Field::Qps, "1/2, 3"),
            (Field::Qps, ""),
            (Field::Qps, "inf"),
            (Field::Duration, "0"),
            (Field::Lengths, "0"),
            (Field::Seed, "1.5"),
        ];
        for (field, typed) in wrong {
            let result = settings.take(field, typed, Experiment::Load);
            assert!(result.is_err(), "{typed}");
        }
        assert_eq!(settings, before);
        assert!(settings.take(Field::Qps, "0.5 3", Experiment::Load).is_ok());
        assert_eq!(settings.qps, [0.5, 3.0]);
    }
}
