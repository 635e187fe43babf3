//! Resolves GGUF metadata to a [`ModelConfig`].

use super::Metadata;
use crate::weights::{ModelConfig, RopeConfig, RopeLayout, RopeScaling, WeightsError};

/// Rejects everything but a dense Llama in a single file; the error names the unsupported feature.
pub(in crate::weights) fn check_architecture(metadata: &Metadata) -> Result<(), WeightsError> {
    let file = metadata.file();
    let architecture = metadata.string("general.architecture")?;
    let architecture = metadata.required("general.architecture", architecture)?;
    if architecture != "llama" {
        return Err(WeightsError::Architecture {
            file: file.to_owned(),
            found: architecture.to_owned(),
        });
    }
    if let Some(kind) = metadata.string("general.type")?
        && kind != "model"
    {
        return Err(unsupported(
            file,
            format!("a GGUF of the type {kind} (general.type)"),
        ));
    }
    if let Some(experts @ 1..) = metadata.size("llama.expert_count")? {
        return Err(unsupported(
            file,
            format!("a mixture of {experts} experts (llama.expert_count)"),
        ));
    }
    if let Some(parts @ 2..) = metadata.size("split.count")? {
        let what =
            format!("a model split into {parts} GGUF files (merge them with llama-gguf-split)");
        return Err(unsupported(file, what));
    }
    Ok(())
}

/// Resolves the configuration, except what the tensors decide: `tied`, the biases, and the scaling by
/// `rope_freqs.weight`. The vocabulary size is the number of `tokens` here; the tensors may raise it later.
pub(in crate::weights) fn config(
    metadata: &Metadata,
    tokens: usize,
) -> Result<ModelConfig, WeightsError> {
    let size = |key: &str| metadata.required(key, metadata.size(key)?);
    let n_heads = size("llama.attention.head_count")?;
    let hidden_size = size("llama.embedding_length")?;
    let default_head = hidden_size.checked_div(n_heads).unwrap_or(0);
    let head_dim = metadata
        .size("llama.attention.key_length")?
        .unwrap_or(default_head);
    for (key, what) in [
        (
            "llama.attention.value_length",
            "values of another size than the keys",
        ),
        ("llama.rope.dimension_count", "rotating a part of each head"),
    ] {
        if let Some(found) = metadata.size(key)?
            && found != head_dim
        {
            let what = format!("{what} ({key} is {found}, a head has {head_dim})");
            return Err(unsupported(metadata.file(), what));
        }
    }
    let eps = "llama.attention.layer_norm_rms_epsilon";
    let rms_eps = metadata.required(eps, metadata.float(eps)?)?;
    let ends =
        ["eos", "eot", "eom"].map(|end| metadata.id(&format!("tokenizer.ggml.{end}_token_id")));
    let mut eos_ids = Vec::new();
    for end in ends {
        eos_ids.extend(end?.filter(|end| !eos_ids.contains(end)));
    }
    Ok(ModelConfig {
        name: metadata.string("general.name")?.map(str::to_owned),
        vocab_size: tokens,
        hidden_size,
        n_layers: size("llama.block_count")?,
        n_heads,
        n_kv_heads: metadata
            .size("llama.attention.head_count_kv")?
            .unwrap_or(n_heads),
        head_dim,
        ffn_size: size("llama.feed_forward_length")?,
        context_length: size("llama.context_length")?,
        rms_eps,
        rope: RopeConfig {
            theta: metadata.float("llama.rope.freq_base")?.unwrap_or(10_000.0),
            scaling: scaling(metadata)?,
            layout: RopeLayout::Interleaved,
        },
        tied: false,
        attention_bias: false,
        mlp_bias: false,
        bos_id: metadata.id("tokenizer.ggml.bos_token_id")?,
        eos_ids,
    })
}

/// Reads the RoPE scaling as llama.cpp does: a factor without a type is linear.
fn scaling(metadata: &Metadata) -> Result<RopeScaling, WeightsError> {
    let factor = match metadata.float("llama.rope.scaling.factor")? {
        Some(factor) => Some(factor),
        None => metadata.float("llama.rope.scale_linear")?,
    };
    match metadata
        .string("llama.rope.scaling.type")?
        .unwrap_or("linear")
    {
        "none" => Ok(RopeScaling::None),
        "linear" => Ok(match factor {
            None | Some(0.0 | 1.0) => RopeScaling::None,
            Some(factor) => RopeScaling::Linear { factor },
        }),
        other => {
            let what = format!("RoPE scaling of the type {other} (llama.rope.scaling.type)");
            Err(unsupported(metadata.file(), what))
        }
    }
}

fn unsupported(file: &str, what: String) -> WeightsError {
    WeightsError::Unsupported {
        file: file.to_owned(),
        what,
    }
}
