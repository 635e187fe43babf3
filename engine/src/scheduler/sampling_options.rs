//! How a request wants its tokens picked.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Sampling settings. Applied in this order: penalties, temperature, top-k, top-p, min-p, draw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SamplingOptions {
    /// 0 picks the largest logit (greedy) and ignores the filters; 1 samples the model's own distribution.
    pub temperature: f32,
    /// Keep the k most probable tokens; 0 keeps all.
    pub top_k: usize,
    /// Keep the most probable tokens whose probabilities first reach p; 1 keeps all.
    pub top_p: f32,
    /// Keep tokens at least this fraction as probable as the most probable one; 0 keeps all.
    pub min_p: f32,
    /// Divides positive and multiplies negative logits of ids seen in prompt or answer; 1 is off.
    /// (CTRL, arXiv:1909.05858.)
    pub repetition_penalty: f32,
    /// Subtracted once from the logit of an id that the answer has; 0 is off.
    pub presence_penalty: f32,
    /// Subtracted for every time the answer has the id; 0 is off.
    pub frequency_penalty: f32,
    /// Same seed, same prompt, same settings: same text.
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
    /// Which setting.
    pub setting: &'static str,
    /// What it may be.
    pub range: &'static str,
    /// What it was.
    pub value: f32,
}

impl SamplingOptions {
    /// Checks every setting's range.
    ///
    /// # Errors
    /// [`SettingError`] names the first setting that is off.
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
        let finite = f32::is_finite;
        let t = self.temperature;
        check(finite(t) && t >= 0.0, "temperature", "0 or more", t)?;
        let p = self.top_p;
        check(p > 0.0 && p <= 1.0, "top_p", "above 0 and at most 1", p)?;
        let m = self.min_p;
        check((0.0..=1.0).contains(&m), "min_p", "from 0 to 1", m)?;
        let r = self.repetition_penalty;
        check(finite(r) && r > 0.0, "repetition_penalty", "above 0", r)?;
        let a = self.presence_penalty;
        check(finite(a), "presence_penalty", "finite", a)?;
        let f = self.frequency_penalty;
        check(finite(f), "frequency_penalty", "finite", f)
    }

    /// Whether any penalty is on.
    pub fn has_penalties(&self) -> bool {
        self.repetition_penalty != 1.0
            || self.presence_penalty != 0.0
            || self.frequency_penalty != 0.0
    }
}
