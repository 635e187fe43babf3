//! Configuration, tensors and values of the tiny family models.

use std::collections::BTreeSet;

use llamaglass_engine::weights::testing::tiny_config;
use llamaglass_engine::weights::{
    BlockTensor, Checkpoint, Format, ModelConfig, RopeLayout, RopeScaling, TensorName, TensorType,
    TokenizerData, config_from_json,
};
use pollster::block_on;
use serde_json::Value;

use crate::support::{bits, data, folder};

fn open(path: &str) -> Checkpoint {
    block_on(Checkpoint::open(folder(path))).unwrap()
}

fn types(checkpoint: &Checkpoint) -> BTreeSet<TensorType> {
    checkpoint
        .tensors()
        .map(|tensor| tensor.tensor_type)
        .collect()
}

/// Returns H, K, D, C and F.
fn sizes(config: &ModelConfig) -> [usize; 5] {
    let ModelConfig {
        n_heads,
        n_kv_heads,
        head_dim,
        hidden_size,
        ffn_size,
        ..
    } = *config;
    [n_heads, n_kv_heads, head_dim, hidden_size, ffn_size]
}

#[test]
fn llama2_tiny_is_read_correctly() {
    let checkpoint = open("families/llama2-tiny");
    let config = checkpoint.config();
    assert_eq!(checkpoint.format(), Format::Safetensors);
    assert_eq!(sizes(config), [4, 4, 16, 64, 176]);
    let lengths = (config.vocab_size, config.n_layers, config.context_length);
    assert_eq!(lengths, (800, 3, 512));
    assert_eq!((config.rms_eps, config.tied), (1e-5, false));
    assert_eq!(config.rope, tiny_config().rope);
    assert_eq!((config.bos_id, &config.eos_ids[..]), (Some(1), &[2][..]));
    assert_eq!(checkpoint.tensors().count(), 3 + 9 * 3);
    assert_eq!(types(&checkpoint), [TensorType::F16].into());
    let down = checkpoint
        .tensor(TensorName::Block(2, BlockTensor::Down))
        .unwrap();
    assert_eq!(
        (down.stored_name.as_str(), down.shape.as_slice()),
        ("model.layers.2.mlp.down_proj.weight", [64, 176].as_slice())
    );
    let TokenizerData::HuggingFace {
        tokenizer_config,
        chat_template,
        generation_config,
        ..
    } = checkpoint.tokenizer()
    else {
        panic!("not a folder's tokenizer");
    };
    assert!(tokenizer_config.is_some() && chat_template.is_none() && generation_config.is_some());
}

#[test]
fn llama3_tiny_is_read_correctly() {
    let checkpoint = open("families/llama3-tiny");
    let config = checkpoint.config();
    assert_eq!(
        (sizes(config)[..3].to_vec(), config.tied),
        (vec![8, 2, 16], true)
    );
    let llama3 = RopeScaling::Llama3 {
        factor: 8.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_context: 64,
    };
    assert_eq!(config.rope.scaling, llama3);
    assert_eq!(config.eos_ids, [776, 779]);
    assert_eq!(types(&checkpoint), [TensorType::BF16].into());
    // The index's total_size is this number of bytes.
    assert_eq!(checkpoint.total_bytes(), 963_328);
    assert_eq!(checkpoint.parameters(), 963_328 / 2);
    let files: BTreeSet<usize> = checkpoint.tensors().map(|tensor| tensor.file).collect();
    assert_eq!(files.len(), 2, "tensors of both shards");
}

#[test]
fn transformers_4_and_5_configs_are_equivalent() {
    for model in ["llama2-tiny", "llama3-tiny"] {
        let read = |path: &str| {
            let text = std::fs::read(data("families").join(model).join(path)).unwrap();
            config_from_json(&serde_json::from_slice(&text).unwrap()).unwrap()
        };
        let of_version_5 = read("reference/config.transformers5.json");
        assert_eq!(read("config.json"), of_version_5, "{model}");
    }
}

#[test]
fn llama_tied_gguf_is_read_correctly() {
    let checkpoint = open("families/llama-tied-gguf");
    let config = checkpoint.config();
    assert_eq!(checkpoint.format(), Format::Gguf { version: 3 });
    assert_eq!(sizes(config)[..4], [6, 2, 16, 96]);
    assert!(config.tied && config.rope.layout == RopeLayout::Interleaved);
    let RopeScaling::Factors(factors) = &config.rope.scaling else {
        panic!("{:?}", config.rope.scaling);
    };
    assert_eq!((factors.len(), factors[0]), (8, 1.0));
    assert!(factors.is_sorted() && factors[7] > 1.0, "{factors:?}");
    let mixed = [TensorType::F32, TensorType::Q8_0, TensorType::Q5_0];
    assert_eq!(types(&checkpoint), mixed.into());
    let TokenizerData::Gguf(tokenizer) = checkpoint.tokenizer() else {
        panic!("not a GGUF's tokenizer");
    };
    assert_eq!(tokenizer.model, "gpt2");
    assert_eq!(tokenizer.pre.as_deref(), Some("llama-bpe"));
    assert_eq!(tokenizer.tokens.len(), config.vocab_size);
    assert_eq!(tokenizer.token_types.len(), config.vocab_size);
    assert!(!tokenizer.merges.is_empty() && tokenizer.chat_template.is_some());
    let mut metadata = checkpoint.metadata().iter();
    let tokens = metadata.find(|(key, _)| key == "tokenizer.ggml.tokens");
    let shown = &tokens.unwrap().1;
    assert!(
        shown.len() < 100 && shown.ends_with("600 in all]"),
        "{shown}"
    );
}

/// The reference names a block by its index in a tensor; this test reads the whole tensor.
#[test]
fn block_within_tensor_is_exact() {
    let checkpoint = open("families/llama-tied-gguf");
    let path = data("families/llama-tied-gguf/reference/Q4_K_M/quant_blocks.json");
    let json: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let cases = json["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let name = TensorName::from_gguf(case["tensor"].as_str().unwrap()).unwrap();
        let values: Vec<f32> = serde_json::from_value(case["values"].clone()).unwrap();
        let start = case["block"].as_u64().unwrap() as usize * values.len();
        let tensor = block_on(checkpoint.read_f32(name)).unwrap();
        let block = &tensor[start..start + values.len()];
        assert_eq!(bits(block), bits(&values), "{name}");
    }
}
