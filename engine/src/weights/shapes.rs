//! Shapes of published models, for random weights: large models without a download.

use super::{ModelConfig, RopeConfig, RopeLayout, RopeScaling};

/// Names that [`preset`] accepts.
pub const PRESETS: [&str; 4] = ["smollm2-135m", "llama-3.2-1b", "llama-3.2-3b", "llama-2-7b"];

/// Returns the shape of a published model, as its config.json has it.
pub fn preset(name: &str) -> Option<ModelConfig> {
    let llama3 = RopeScaling::Llama3 {
        factor: 32.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_context: 8192,
    };
    let llama_3_2 = ModelConfig {
        name: Some(name.to_owned()),
        vocab_size: 128_256,
        hidden_size: 2048,
        n_layers: 16,
        n_heads: 32,
        n_kv_heads: 8,
        head_dim: 64,
        ffn_size: 8192,
        context_length: 131_072,
        rms_eps: 1e-5,
        rope: RopeConfig {
            theta: 500_000.0,
            scaling: llama3,
            layout: RopeLayout::Halves,
        },
        tied: true,
        attention_bias: false,
        mlp_bias: false,
        bos_id: Some(128_000),
        eos_ids: vec![128_001, 128_008, 128_009],
    };
    let plain = |theta| RopeConfig {
        theta,
        scaling: RopeScaling::None,
        layout: RopeLayout::Halves,
    };
    Some(match name {
        "smollm2-135m" => ModelConfig {
            vocab_size: 49_152,
            hidden_size: 576,
            n_layers: 30,
            n_heads: 9,
            n_kv_heads: 3,
            ffn_size: 1536,
            context_length: 8192,
            rope: plain(100_000.0),
            bos_id: Some(1),
            eos_ids: vec![2],
            ..llama_3_2
        },
        "llama-3.2-1b" => llama_3_2,
        "llama-3.2-3b" => ModelConfig {
            hidden_size: 3072,
            n_layers: 28,
            n_heads: 24,
            head_dim: 128,
            ..llama_3_2
        },
        "llama-2-7b" => ModelConfig {
            vocab_size: 32_000,
            hidden_size: 4096,
            n_layers: 32,
            n_heads: 32,
            n_kv_heads: 32,
            head_dim: 128,
            ffn_size: 11_008,
            context_length: 4096,
            rope: plain(10_000.0),
            tied: false,
            bos_id: Some(1),
            eos_ids: vec![2],
            ..llama_3_2
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::{Checkpoint, TensorType};

    #[test]
    fn presets_have_published_parameter_counts() {
        let published = [134_515_008, 1_235_814_400, 3_212_749_824, 6_738_415_616];
        for (name, published) in PRESETS.into_iter().zip(published) {
            let config = preset(name).expect("it is in the list");
            let checkpoint = Checkpoint::random(config, TensorType::Q4K, 0).expect("a valid shape");
            assert_eq!(checkpoint.parameters(), published, "{name}");
        }
        assert_eq!(preset("gpt-2"), None);
    }
}
