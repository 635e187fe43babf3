//! Rejects configurations that no model can have, before anything is computed from them.

use super::{ModelConfig, RopeScaling, WeightsError};

/// Maximum product of heads and head size; far above any real model.
const MAX_ATTENTION_SIZE: usize = 1 << 22;

/// Checks every value. `file` is the file that the values come from, for the error message.
///
/// # Errors
/// [`WeightsError::Config`], naming the first invalid value.
pub fn check_config(config: &ModelConfig, file: &str) -> Result<(), WeightsError> {
    let invalid = |what: String| {
        Err(WeightsError::Config {
            file: file.to_owned(),
            what,
        })
    };
    // Far above any real model, and low enough that heads times head size fits in 32 bits.
    for (what, value, max) in [
        ("vocabulary", config.vocab_size, 1 << 24),
        ("hidden size", config.hidden_size, 1 << 20),
        ("number of blocks", config.n_layers, 1 << 12),
        ("number of heads", config.n_heads, 1 << 14),
        ("number of kv heads", config.n_kv_heads, 1 << 14),
        ("head size", config.head_dim, 1 << 14),
        ("feed-forward size", config.ffn_size, 1 << 24),
        ("context length", config.context_length, 1 << 30),
    ] {
        if value == 0 || value > max {
            return invalid(format!("the {what} is {value}; it should be 1 to {max}"));
        }
    }
    if !config.n_heads.is_multiple_of(config.n_kv_heads) {
        return invalid(format!(
            "{} heads can't share {} kv heads evenly",
            config.n_heads, config.n_kv_heads
        ));
    }
    if !config.head_dim.is_multiple_of(2) {
        return invalid(format!(
            "the head size {} is odd, but RoPE rotates pairs",
            config.head_dim
        ));
    }
    if config.n_heads * config.head_dim > MAX_ATTENTION_SIZE {
        return invalid(format!(
            "{} heads of {} values exceed {MAX_ATTENTION_SIZE} values",
            config.n_heads, config.head_dim
        ));
    }
    // Negated comparisons, so that NaN fails too.
    if !(config.rms_eps >= 0.0 && config.rms_eps < 1.0) {
        return invalid(format!("the RMSNorm epsilon is {}", config.rms_eps));
    }
    if !(config.rope.theta > 0.0 && config.rope.theta.is_finite()) {
        return invalid(format!("the RoPE base is {}", config.rope.theta));
    }
    if let Some(bos) = config.bos_id
        && bos as usize >= config.vocab_size
    {
        return invalid(format!(
            "the BOS id {bos} is outside the vocabulary of {}",
            config.vocab_size
        ));
    }
    match scaling_error(config) {
        Some(what) => invalid(format!("RoPE scaling: {what}")),
        None => Ok(()),
    }
}

fn scaling_error(config: &ModelConfig) -> Option<String> {
    let divisor = |what: &str, x: f32| {
        let bad = !(x > 0.0 && x.is_finite());
        bad.then(|| format!("{what} is {x}; it should be above 0"))
    };
    match &config.rope.scaling {
        RopeScaling::None => None,
        RopeScaling::Linear { factor } => divisor("the factor", *factor),
        RopeScaling::Llama3 {
            factor,
            low_freq_factor,
            high_freq_factor,
            original_context,
        } => divisor("the factor", *factor)
            .or_else(|| divisor("low_freq_factor", *low_freq_factor))
            .or_else(|| divisor("high_freq_factor", *high_freq_factor))
            .or_else(|| {
                let wrong = high_freq_factor <= low_freq_factor;
                wrong.then(|| {
                    format!("high_freq_factor {high_freq_factor} is not above low_freq_factor {low_freq_factor}")
                })
            })
            .or_else(|| (*original_context == 0).then(|| "the original context is 0".to_owned())),
        RopeScaling::Factors(factors) => {
            if factors.len() != config.head_dim / 2 {
                return Some(format!(
                    "{} factors for {} pairs",
                    factors.len(),
                    config.head_dim / 2
                ));
            }
            let all = factors.iter().enumerate();
            let mut all = all.map(|(i, &x)| divisor(&format!("factor {i}"), x));
            all.find_map(|wrong| wrong)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::preset;

    #[test]
    fn check_names_each_invalid_value() {
        type Change = fn(&mut ModelConfig);
        let changes: [(Change, &str); 18] = [
            (|c| c.n_heads = 0, "number of heads is 0"),
            (|c| c.n_kv_heads = 0, "number of kv heads is 0"),
            (|c| c.n_kv_heads = 5, "32 heads can't share 5"),
            (|c| c.n_layers = usize::MAX, "number of blocks"),
            (|c| c.vocab_size = 0, "vocabulary"),
            (|c| c.hidden_size = usize::MAX, "hidden size"),
            (|c| c.head_dim = 63, "odd"),
            (
                |c| (c.n_heads, c.n_kv_heads, c.head_dim) = (1 << 14, 1, 1 << 14),
                "heads of",
            ),
            (|c| c.ffn_size = 0, "feed-forward"),
            (|c| c.context_length = 0, "context length"),
            (|c| c.rms_eps = f32::NAN, "epsilon is NaN"),
            (|c| c.rms_eps = -1.0, "epsilon is -1"),
            (|c| c.rope.theta = f32::INFINITY, "RoPE base is inf"),
            (|c| c.bos_id = Some(1 << 30), "BOS id"),
            (
                |c| c.rope.scaling = RopeScaling::Linear { factor: 0.0 },
                "factor is 0",
            ),
            (
                |c| c.rope.scaling = RopeScaling::Factors(vec![1.0; 3]),
                "3 factors for 32 pairs",
            ),
            (
                |c| c.rope.scaling = RopeScaling::Factors(vec![-1.0; 32]),
                "factor 0 is -1",
            ),
            (
                |c| {
                    c.rope.scaling = RopeScaling::Llama3 {
                        factor: 8.0,
                        low_freq_factor: 4.0,
                        high_freq_factor: 4.0,
                        original_context: 64,
                    }
                },
                "high_freq_factor 4",
            ),
        ];
        for (change, named) in changes {
            let mut config = preset("llama-3.2-1b").expect("a preset");
            assert_eq!(check_config(&config, "f"), Ok(()));
            change(&mut config);
            let message = check_config(&config, "f").expect_err(named).to_string();
            assert!(message.contains(named), "{message}");
        }
    }
}
