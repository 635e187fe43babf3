//! Sampling settings of a request.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Sampling settings, applied in this order: penalties, temperature, top-k, top-p, min-p, draw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SamplingOptions {
    /// Temperature, 0 to 2. 0 takes the largest logit (greedy) and ignores the filters; 1 samples from the
    /// model's own distribution.
    pub temperature: f32,
    /// Keep the k most probable tokens; 0 keeps all.
    pub top_k: usize,
    /// Keep the most probable tokens up to the cumulative probability p, which is above 0; 1 keeps all.
    pub top_p: f32,
    /// Keep tokens with at least this fraction of the top token's probability; 0 keeps all.
    pub min_p: f32,
    /// Divides positive and multiplies negative logits of ids in the prompt or answer; above 0 and at most 2,
    /// 1 is off (CTRL, arXiv:1909.05858).
    pub repetition_penalty: f32,
    /// Subtracted once from the logit of each id in the answer; -2 to 2, 0 is off.
    pub presence_penalty: f32,
    /// Subtracted from an id's logit once per occurrence in the answer; -2 to 2, 0 is off.
    pub frequency_penalty: f32,
    /// Seed of the draw: the same seed, prompt and settings give the same text.
    pub seed: u64,
}

impl Default for SamplingOptions {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            seed: 0,
        }
    }
}

/// A setting outside its range.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{setting} must be {range}, not {value}")]
pub struct SettingError {
    /// Name of the setting.
    pub setting: &'static str,
    /// Allowed range, in words.
    pub range: &'static str,
    /// Rejected value.
    pub value: f32,
}

impl SamplingOptions {
    /// Checks the range of every setting.
    ///
    /// # Errors
    /// [`SettingError`] for the first setting out of range.
    pub fn validate(&self) -> Result<(), SettingError> {
        let check = |ok: bool, setting, range, value| {
            if ok {
                Ok(())
            } else {
                Err(SettingError {
                    setting,
                    range,
                    value,
                })
            }
        };
        // NaN is in no range.
        let within = |setting, low: f32, high: f32, range, value: f32| {
            check((low..=high).contains(&value), setting, range, value)
        };
        let above_zero = |setting, high: f32, range, value: f32| {
            check(value > 0.0 && value <= high, setting, range, value)
        };
        within("temperature", 0.0, 2.0, "between 0 and 2", self.temperature)?;
        above_zero("top_p", 1.0, "above 0 and at most 1", self.top_p)?;
        within("min_p", 0.0, 1.0, "between 0 and 1", self.min_p)?;
        above_zero(
            "repetition_penalty",
            2.0,
            "above 0 and at most 2",
            self.repetition_penalty,
        )?;
        for (setting, penalty) in [
            ("presence_penalty", self.presence_penalty),
            ("frequency_penalty", self.frequency_penalty),
        ] {
            within(setting, -2.0, 2.0, "between -2 and 2", penalty)?;
        }
        Ok(())
    }

    /// Returns true if any penalty is on.
    pub fn has_penalties(&self) -> bool {
        self.repetition_penalty != 1.0
            || self.presence_penalty != 0.0
            || self.frequency_penalty != 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Set = fn(&mut SamplingOptions, f32);

    /// Settings with a range: name, setter, smallest and largest accepted value, and the range in words.
    const RANGES: [(&str, Set, [f32; 2], &str); 6] = [
        (
            "temperature",
            |of, value| of.temperature = value,
            [0.0, 2.0],
            "between 0 and 2",
        ),
        (
            "top_p",
            |of, value| of.top_p = value,
            [f32::MIN_POSITIVE, 1.0],
            "above 0 and at most 1",
        ),
        (
            "min_p",
            |of, value| of.min_p = value,
            [0.0, 1.0],
            "between 0 and 1",
        ),
        (
            "repetition_penalty",
            |of, value| of.repetition_penalty = value,
            [f32::MIN_POSITIVE, 2.0],
            "above 0 and at most 2",
        ),
        (
            "presence_penalty",
            |of, value| of.presence_penalty = value,
            [-2.0, 2.0],
            "between -2 and 2",
        ),
        (
            "frequency_penalty",
            |of, value| of.frequency_penalty = value,
            [-2.0, 2.0],
            "between -2 and 2",
        ),
    ];

    fn validate(set: Set, value: f32) -> Result<(), SettingError> {
        let mut options = SamplingOptions::default();
        set(&mut options, value);
        options.validate()
    }

    #[test]
    fn validate_accepts_both_ends_of_each_range() {
        for (name, set, ends, _) in RANGES {
            for value in ends {
                assert_eq!(validate(set, value), Ok(()), "{name} {value}");
            }
        }
    }

    #[test]
    fn validate_error_has_name_range_and_value() {
        for (name, set, [low, high], range) in RANGES {
            let below = if low > 0.0 { 0.0 } else { low - 0.01 };
            for value in [below, high + 0.01, f32::NAN, f32::INFINITY] {
                let error = validate(set, value).expect_err(name).to_string();
                assert_eq!(error, format!("{name} must be {range}, not {value}"));
            }
        }
    }
}
