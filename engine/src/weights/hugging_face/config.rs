//! Resolves a config.json, as transformers 4 and 5 write it, to a [`ModelConfig`].

use serde_json::Value;

use super::json::Keys;
use crate::weights::config_check::check_config;
use crate::weights::{ModelConfig, RopeConfig, RopeLayout, RopeScaling, WeightsError};

const FILE: &str = "config.json";

/// Resolves a config.json. The defaults are those of transformers' `LlamaConfig`.
///
/// # Errors
/// Another architecture, an unsupported feature, a missing key, a wrong type or an invalid value; the error
/// names it.
pub fn config_from_json(value: &Value) -> Result<ModelConfig, WeightsError> {
    let keys = Keys::new(FILE, value)?;
    check_architecture(&keys)?;
    check_features(&keys)?;
    let size = |key: &str| keys.required(key, keys.size(key)?);
    let hidden_size = size("hidden_size")?;
    let n_heads = size("num_attention_heads")?;
    let default_head = hidden_size.checked_div(n_heads).unwrap_or(0);
    let context_length = keys.size("max_position_embeddings")?.unwrap_or(2048);
    // An absent key means LlamaConfig's default; null means none.
    let ids = |key: &str, default: u32| -> Result<Vec<u32>, WeightsError> {
        match keys.has(key) {
            true => Ok(keys.ids(key)?.unwrap_or_default()),
            false => Ok(vec![default]),
        }
    };
    let config = ModelConfig {
        name: keys
            .string("_name_or_path")?
            .filter(|name| !name.is_empty())
            .map(str::to_owned),
        vocab_size: size("vocab_size")?,
        hidden_size,
        n_layers: size("num_hidden_layers")?,
        n_heads,
        n_kv_heads: keys.size("num_key_value_heads")?.unwrap_or(n_heads),
        head_dim: keys.size("head_dim")?.unwrap_or(default_head),
        ffn_size: size("intermediate_size")?,
        context_length,
        rms_eps: keys.float("rms_norm_eps")?.unwrap_or(1e-6),
        rope: rope(&keys, context_length)?,
        tied: keys.bool("tie_word_embeddings")?.unwrap_or(false),
        attention_bias: keys.bool("attention_bias")?.unwrap_or(false),
        mlp_bias: keys.bool("mlp_bias")?.unwrap_or(false),
        bos_id: ids("bos_token_id", 1)?.first().copied(),
        eos_ids: ids("eos_token_id", 2)?,
    };
    check_config(&config, FILE)?;
    Ok(config)
}

fn check_architecture(keys: &Keys<'_>) -> Result<(), WeightsError> {
    let unknown = |found: String| WeightsError::Architecture {
        file: keys.file().to_owned(),
        found,
    };
    let names = keys.typed("architectures", "a list of strings", |value| {
        value
            .as_array()?
            .iter()
            .map(Value::as_str)
            .collect::<Option<Vec<_>>>()
    })?;
    let names = names.filter(|names| !names.is_empty());
    let model_type = keys.string("model_type")?;
    if let Some(names) = &names
        && !names.contains(&"LlamaForCausalLM")
    {
        return Err(unknown(names.join(", ")));
    }
    match model_type {
        Some("llama") => Ok(()),
        Some(other) => Err(unknown(other.to_owned())),
        None if names.is_some() => Ok(()),
        None => keys.required("architectures", None),
    }
}

fn check_features(keys: &Keys<'_>) -> Result<(), WeightsError> {
    let unsupported = |what: String| WeightsError::Unsupported {
        file: keys.file().to_owned(),
        what,
    };
    if let Some(activation) = keys.string("hidden_act")?
        && !matches!(activation, "silu" | "swish")
    {
        return Err(unsupported(format!(
            "the activation {activation} (hidden_act)"
        )));
    }
    if let Some(quantised) = keys.object("quantization_config", "quantization_config.")? {
        let method = quantised.string("quant_method")?.unwrap_or("unknown");
        return Err(unsupported(format!(
            "the quantisation {method} (quantization_config)"
        )));
    }
    let whole = Some(*keys);
    for (inner, prefix) in [
        (keys.object("rope_scaling", "")?, "rope_scaling."),
        (keys.object("rope_parameters", "")?, "rope_parameters."),
        (whole, ""),
    ] {
        let key = "partial_rotary_factor";
        let part = inner.map(|inner| inner.float(key)).transpose()?.flatten();
        if let Some(part) = part.filter(|&part| part != 1.0) {
            return Err(unsupported(format!(
                "rotating a part of each head ({prefix}{key} is {part})"
            )));
        }
    }
    Ok(())
}

/// Reads the RoPE settings. transformers 4 has `rope_theta` and `rope_scaling`; transformers 5 has both in
/// `rope_parameters`.
fn rope(keys: &Keys<'_>, context_length: usize) -> Result<RopeConfig, WeightsError> {
    let inner = match keys.object("rope_parameters", "rope_parameters.")? {
        Some(inner) => Some(inner),
        None => keys.object("rope_scaling", "rope_scaling.")?,
    };
    let inner_theta = inner
        .map(|inner| inner.float("rope_theta"))
        .transpose()?
        .flatten();
    let theta = match inner_theta {
        Some(theta) => theta,
        None => keys.float("rope_theta")?.unwrap_or(10_000.0),
    };
    let scaling = inner.map_or(Ok(RopeScaling::None), |inner| {
        scaling(&inner, context_length)
    })?;
    Ok(RopeConfig {
        theta,
        scaling,
        layout: RopeLayout::Halves,
    })
}

fn scaling(keys: &Keys<'_>, context_length: usize) -> Result<RopeScaling, WeightsError> {
    let kind = match keys.string("rope_type")? {
        Some(kind) => kind,
        None => keys.string("type")?.unwrap_or("default"),
    };
    let float = |key: &str| keys.required(key, keys.float(key)?);
    match kind {
        "default" => Ok(RopeScaling::None),
        "linear" => Ok(RopeScaling::Linear {
            factor: float("factor")?,
        }),
        "llama3" => Ok(RopeScaling::Llama3 {
            factor: float("factor")?,
            low_freq_factor: float("low_freq_factor")?,
            high_freq_factor: float("high_freq_factor")?,
            original_context: keys
                .size("original_max_position_embeddings")?
                .unwrap_or(context_length),
        }),
        other => Err(WeightsError::Unsupported {
            file: keys.file().to_owned(),
            what: format!("RoPE scaling of the type {other} (rope_type)"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn base() -> Value {
        json!({
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 800, "hidden_size": 64,
            "intermediate_size": 176, "num_hidden_layers": 3, "num_attention_heads": 4,
        })
    }

    fn with(key: &str, value: Value) -> Result<ModelConfig, WeightsError> {
        let mut config = base();
        config[key] = value;
        config_from_json(&config)
    }

    #[test]
    fn absent_and_null_keys_get_defaults() {
        let absent = config_from_json(&base()).expect("valid");
        assert_eq!(
            (absent.n_kv_heads, absent.head_dim, absent.context_length),
            (4, 16, 2048)
        );
        assert_eq!((absent.rms_eps, absent.rope.theta), (1e-6, 10_000.0));
        assert_eq!(absent.rope.scaling, RopeScaling::None);
        assert_eq!(
            (absent.tied, absent.attention_bias, absent.mlp_bias),
            (false, false, false)
        );
        assert_eq!((absent.bos_id, absent.eos_ids.clone()), (Some(1), vec![2]));
        for key in [
            "num_key_value_heads",
            "head_dim",
            "attention_bias",
            "mlp_bias",
            "rope_scaling",
            "rope_parameters",
            "rope_theta",
            "hidden_act",
            "tie_word_embeddings",
        ] {
            assert_eq!(with(key, Value::Null), Ok(absent.clone()), "{key}");
        }
        assert!(
            with("eos_token_id", Value::Null)
                .expect("valid")
                .eos_ids
                .is_empty()
        );
        assert_eq!(with("bos_token_id", json!(-1)).expect("valid").bos_id, None);
        assert_eq!(
            with("eos_token_id", json!([5, 6])).expect("valid").eos_ids,
            [5, 6]
        );
    }

    #[test]
    fn rope_scaling_is_read_in_every_spelling() {
        let linear = RopeScaling::Linear { factor: 4.0 };
        for (key, value) in [
            ("rope_scaling", json!({"type": "linear", "factor": 4})),
            (
                "rope_scaling",
                json!({"rope_type": "linear", "factor": 4.0}),
            ),
            (
                "rope_parameters",
                json!({"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}),
            ),
        ] {
            assert_eq!(with(key, value).expect("valid").rope.scaling, linear);
        }
        let llama3 = json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64, "rope_theta": 500000.0});
        let rope = with("rope_parameters", llama3).expect("valid").rope;
        assert_eq!(rope.theta, 500_000.0);
        assert!(matches!(
            rope.scaling,
            RopeScaling::Llama3 {
                original_context: 64,
                ..
            }
        ));
    }

    #[test]
    fn unsupported_and_invalid_values_are_named() {
        for (key, value, named) in [
            (
                "architectures",
                json!(["MistralForCausalLM"]),
                "MistralForCausalLM",
            ),
            ("model_type", json!("qwen2"), "qwen2"),
            ("hidden_act", json!("gelu"), "gelu"),
            (
                "rope_scaling",
                json!({"rope_type": "yarn", "factor": 4.0}),
                "yarn",
            ),
            (
                "rope_scaling",
                json!({"type": "dynamic", "factor": 4.0}),
                "dynamic",
            ),
            (
                "quantization_config",
                json!({"quant_method": "gptq"}),
                "gptq",
            ),
            ("partial_rotary_factor", json!(0.5), "partial_rotary_factor"),
            (
                "rope_scaling",
                json!({"rope_type": "linear"}),
                "rope_scaling.factor",
            ),
            ("hidden_size", json!("wide"), "hidden_size"),
            ("hidden_size", json!(-64), "hidden_size"),
            ("vocab_size", Value::Null, "vocab_size"),
            ("num_hidden_layers", json!(3.5), "num_hidden_layers"),
        ] {
            let message = with(key, value).expect_err(named).to_string();
            assert!(
                message.contains(named) && message.contains("config.json"),
                "{message}"
            );
        }
        assert!(config_from_json(&json!([])).is_err());
    }
}
