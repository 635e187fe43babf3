//! Checks that every kind of broken model file gives an error that says what is wrong and where.

use llamaglass_engine::weights::testing::{
    GgufFile, GgufTensor, SafetensorsFile, config_json, tiny_config, with_header,
};
use llamaglass_engine::weights::{
    BlockTensor, MetaArray, MetaType, MetaValue, TensorName, TensorType,
};
use serde_json::{Value, json};

use crate::support::{open, open_gguf};

fn model() -> GgufFile {
    GgufFile::model(&tiny_config(), TensorType::Q8_0, 1).unwrap()
}

fn text(text: &str) -> MetaValue {
    MetaValue::String(text.to_owned())
}

/// Asserts that `bytes` are rejected with an error that contains all `parts`.
fn refused(bytes: &[u8], parts: &[&str]) {
    let message = open_gguf(bytes).expect_err(parts[0]).to_string();
    for part in parts.iter().chain(&["m.gguf"]) {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}

/// Asserts the same as [`refused`] for a valid file after `change`.
fn changed(change: impl Fn(&mut GgufFile), parts: &[&str]) {
    let mut file = model();
    change(&mut file);
    refused(&file.bytes(), parts);
}

#[test]
fn unchanged_file_opens() {
    let checkpoint = open_gguf(&model().bytes()).unwrap();
    let config = checkpoint.config();
    assert_eq!(
        (
            config.head_dim,
            config.n_kv_heads,
            config.ffn_size,
            config.tied
        ),
        (6, 2, 20, true)
    );
}

#[test]
fn files_of_other_formats_are_rejected() {
    refused(b"", &["empty"]);
    refused(b"GG", &["truncated", "magic", "byte 0"]);
    refused(b"GGML\x03\0\0\0", &["not a GGUF file", "GGML"]);
    refused(
        b"version https://git-lfs.github.com/spec/v1",
        &["Git LFS pointer"],
    );
    refused(b"<!DOCTYPE html><html></html>", &["web page"]);
    let mut version = model();
    version.version = 1;
    refused(&version.bytes(), &["version 1", "2 and 3"]);
    version.version = 3u32.swap_bytes();
    refused(&version.bytes(), &["big-endian", "version 3"]);
}

#[test]
fn truncated_file_is_rejected_at_any_length() {
    let whole = model().bytes();
    let header = model().header().len();
    for length in (0..header).chain((header..whole.len() - 32).step_by(61)) {
        let message = open_gguf(&whole[..length])
            .expect_err("truncated")
            .to_string();
        assert!(
            message.contains("m.gguf") && (message.contains("truncated") || length == 0),
            "{length}: {message}"
        );
    }
    refused(
        &whole[..whole.len() - 200],
        &[
            "tensor ",
            "needs",
            &format!("the file has {}", whole.len() - 200),
        ],
    );
}

#[test]
fn huge_counts_are_rejected() {
    let good = model().bytes();
    for (at, what) in [(8, "tensors"), (16, "metadata pairs")] {
        for count in [u64::MAX, 1 << 40, 1 << 20] {
            let mut bytes = good.clone();
            bytes[at..at + 8].copy_from_slice(&count.to_le_bytes());
            refused(&bytes, &[what, &count.to_string()]);
        }
    }
    // Length of the first key.
    let mut bytes = good;
    bytes[24..32].copy_from_slice(&u64::MAX.to_le_bytes());
    refused(&bytes, &["metadata key 0", "byte 32"]);
    // Length of an array, for elements of each kind.
    for element in [
        MetaType::U8,
        MetaType::String,
        MetaType::Array,
        MetaType::F64,
    ] {
        let mut file = model();
        let array = MetaArray::Fixed {
            element: MetaType::U8,
            bytes: Vec::new(),
        };
        file.set("x.array", MetaValue::Array(array));
        let mut bytes = file.bytes();
        let key = bytes
            .windows(7)
            .position(|window| window == b"x.array")
            .unwrap();
        bytes[key + 11..key + 15].copy_from_slice(&element.id().to_le_bytes());
        bytes[key + 15..key + 23].copy_from_slice(&(1u64 << 60).to_le_bytes());
        refused(
            &bytes,
            &["x.array", "truncated", &format!("byte {}", key + 23)],
        );
    }
    changed(
        |file| file.tensors[0].shape = vec![1 << 62, 1 << 62],
        &["token_embd.weight", "impossibly large"],
    );
    changed(
        |file| file.tensors[0].shape = vec![1 << 40, 32],
        &["token_embd.weight", "truncated"],
    );
    changed(
        |file| file.tensors[0].shape = vec![0, 32],
        &["token_embd.weight", "dimension of 0"],
    );
    changed(
        |file| file.tensors[0].shape = vec![1, 1, 1, 1, 32],
        &["token_embd.weight", "5 dimensions"],
    );
}

#[test]
fn invalid_metadata_is_rejected() {
    changed(
        |file| file.pairs.push(("general.name".to_owned(), text("again"))),
        &["duplicate key general.name"],
    );
    changed(
        |file| file.set("llama.block_count", text("three")),
        &["llama.block_count", "size", "string three"],
    );
    changed(
        |file| file.set("llama.block_count", MetaValue::I32(-1)),
        &["llama.block_count", "-1"],
    );
    let mut nested = MetaArray::Strings(Vec::new());
    for _ in 0..10 {
        nested = MetaArray::Arrays(vec![nested]);
    }
    changed(
        |file| file.set("x.nested", MetaValue::Array(nested.clone())),
        &["x.nested", "deep"],
    );
    let mut bytes = model().header();
    // Type of the first value, which is a string.
    let at = 24 + 8 + "general.architecture".len();
    bytes[at] = 77;
    refused(
        &bytes,
        &[
            "general.architecture",
            "unknown type 77",
            &format!("byte {at}"),
        ],
    );
    bytes[at] = 7;
    bytes[at + 4] = 2;
    refused(&bytes, &["general.architecture", "is no bool"]);
    let mut bytes = model().bytes();
    bytes[32] = 0xff;
    refused(&bytes, &["metadata key 0 is no UTF-8", "byte 32"]);
    changed(
        |file| file.set("general.alignment", MetaValue::U32(33)),
        &["general.alignment is 33"],
    );
    changed(
        |file| file.set("general.alignment", MetaValue::U32(0)),
        &["general.alignment is 0"],
    );
}

#[test]
fn invalid_tensors_are_rejected() {
    changed(
        |file| file.tensors[3].type_id = 16,
        &["blk.0.attn_k.weight", "IQ2_XXS"],
    );
    changed(
        |file| file.tensors[3].type_id = 999,
        &["blk.0.attn_k.weight", "number 999"],
    );
    changed(
        |file| file.tensors[2].offset = Some(0),
        &["token_embd.weight and blk.0.attn_q.weight overlap"],
    );
    changed(
        |file| file.tensors[2].offset = Some(7),
        &["blk.0.attn_q.weight", "offset 7", "multiple of 32"],
    );
    changed(
        |file| file.tensors[2].offset = Some(u64::MAX - 31),
        &["blk.0.attn_q.weight", "truncated"],
    );
    changed(
        |file| {
            let again = file.tensors[1].clone();
            file.tensors.push(again);
        },
        &["duplicate tensor blk.0.attn_norm.weight"],
    );
    let down = TensorName::Block(1, BlockTensor::Down);
    changed(
        |file| file.tensor(down).unwrap().shape = vec![20, 32],
        &["blk.1.ffn_down.weight", "be [32, 20]", "is [20, 32]"],
    );
    let name = TensorName::Block(1, BlockTensor::Up);
    changed(
        |file| file.tensor(name).unwrap().shape = vec![32, 20],
        &["blk.1.ffn_up.weight", "rows of 20", "blocks of 32"],
    );
    changed(
        |file| file.tensor(name).unwrap().name = "blk.1.ffn_up_exps.weight".to_owned(),
        &["blk.1.ffn_up_exps.weight", "no part of a Llama"],
    );
    changed(
        |file| {
            file.tensors
                .retain(|tensor| tensor.name != "blk.1.ffn_up.weight")
        },
        &["blk.1.ffn_up.weight is missing", "block 1 of 2"],
    );
    changed(
        |file| file.set("llama.block_count", MetaValue::U32(1)),
        &["blk.1.attn_norm.weight", "only 1 blocks"],
    );
    changed(
        |file| file.set("llama.block_count", MetaValue::U32(3)),
        &["blk.2.attn_norm.weight is missing"],
    );
    changed(
        |file| {
            file.tensors.push(GgufTensor {
                name: "blk.0.attn_q.bias".to_owned(),
                shape: vec![24],
                type_id: 0,
                bytes: vec![0; 96],
                offset: None,
            });
        },
        &["blk.0.attn_k.bias is missing", "biases"],
    );
}

#[test]
fn unsupported_features_are_named_before_tensors_are_read() {
    for (key, value, named) in [
        ("general.architecture", text("qwen2"), "qwen2"),
        ("general.type", text("adapter"), "adapter"),
        ("llama.expert_count", MetaValue::U32(8), "8 experts"),
        ("split.count", MetaValue::U16(3), "3 GGUF files"),
        ("llama.rope.scaling.type", text("yarn"), "yarn"),
        (
            "llama.rope.dimension_count",
            MetaValue::U32(4),
            "llama.rope.dimension_count is 4",
        ),
        (
            "llama.attention.value_length",
            MetaValue::U32(8),
            "llama.attention.value_length is 8",
        ),
    ] {
        let change = |file: &mut GgufFile| {
            // An unknown type, which must not be read.
            file.tensors[0].type_id = 999;
            file.set(key, value.clone());
        };
        changed(change, &[named]);
    }
}

#[test]
fn impossible_gguf_configurations_are_rejected() {
    let u32 = MetaValue::U32;
    for (key, value, named) in [
        ("llama.attention.head_count", u32(0), "number of heads is 0"),
        (
            "llama.attention.head_count_kv",
            u32(3),
            "can't share 3 kv heads",
        ),
        ("llama.block_count", u32(u32::MAX), "number of blocks"),
        (
            "llama.attention.layer_norm_rms_epsilon",
            MetaValue::F32(f32::NAN),
            "epsilon is NaN",
        ),
        (
            "llama.rope.freq_base",
            MetaValue::F32(-1.0),
            "RoPE base is -1",
        ),
        (
            "llama.rope.scaling.factor",
            MetaValue::F32(f32::INFINITY),
            "factor is inf",
        ),
        ("tokenizer.ggml.bos_token_id", u32(1000), "BOS id 1000"),
    ] {
        changed(|file| file.set(key, value.clone()), &[named, "absurd"]);
    }
    for key in [
        "general.architecture",
        "llama.embedding_length",
        "llama.context_length",
    ] {
        changed(
            |file| file.pairs.retain(|pair| pair.0 != key),
            &["missing", key],
        );
    }
    for key in ["tokenizer.ggml.model", "tokenizer.ggml.tokens"] {
        changed(
            |file| file.pairs.retain(|pair| pair.0 != key),
            &["no tokenizer", key],
        );
    }
}

type Files = Vec<(String, Vec<u8>)>;

fn folder() -> Files {
    let weights = SafetensorsFile::model(&tiny_config(), TensorType::BF16, 1).unwrap();
    vec![
        (
            "config.json".to_owned(),
            config_json(&tiny_config()).to_string().into_bytes(),
        ),
        ("tokenizer.json".to_owned(), b"{}".to_vec()),
        ("model.safetensors".to_owned(), weights.bytes()),
    ]
}

fn folder_refused(files: &Files, parts: &[&str]) {
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    let message = open(&files).expect_err(parts[0]).to_string();
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}

fn folder_changed(name: &str, bytes: &[u8], parts: &[&str]) {
    let mut files = folder();
    files.retain(|file| file.0 != name);
    files.push((name.to_owned(), bytes.to_vec()));
    folder_refused(&files, parts);
}

#[test]
fn incomplete_folders_are_rejected() {
    let files = folder();
    let refs: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    assert!(open(&refs).is_ok());
    for (name, part) in [
        ("config.json", "config.json is missing"),
        ("tokenizer.json", "no tokenizer"),
        ("model.safetensors", "model.safetensors is missing"),
    ] {
        let mut files = folder();
        files.retain(|file| file.0 != name);
        folder_refused(&files, &[part]);
        folder_changed(
            name,
            b"",
            &[
                name,
                if name.ends_with("json") {
                    "empty"
                } else {
                    "truncated"
                },
            ],
        );
    }
    folder_changed(
        "config.json",
        b"{\"a\": 1, \"a\": 2}",
        &["config.json", "duplicate key a at line 1"],
    );
    folder_changed(
        "config.json",
        b"{\"a\": NaN}",
        &["config.json", "line 1 column 7"],
    );
    folder_changed("config.json", b"[]", &["config.json", "not a JSON object"]);
    let index = |value: Value| {
        json!({"weight_map": {"model.norm.weight": value}})
            .to_string()
            .into_bytes()
    };
    let name = "model.safetensors.index.json";
    folder_changed(
        name,
        &index(json!("gone.safetensors")),
        &["gone.safetensors is missing", "model.norm.weight"],
    );
    folder_changed(
        name,
        &index(json!(7)),
        &["weight_map.model.norm.weight", "a file name"],
    );
    let promised = json!({"weight_map": {"lm_head.weight": "model.safetensors"}}).to_string();
    folder_changed(
        name,
        promised.as_bytes(),
        &["lm_head.weight is missing", "the index says"],
    );
    folder_changed(name, b"{}", &["weight_map is missing"]);
    let mut shard = folder();
    shard[2].0 = "model-00001-of-00002.safetensors".to_owned();
    folder_refused(&shard, &["model-00002-of-00002.safetensors is missing"]);
}

#[test]
fn invalid_safetensors_are_rejected() {
    let name = "model.safetensors";
    let header = |text: &str, data: usize| [with_header(text), vec![0; data]].concat();
    let row = |dtype: &str, shape: &str, offsets: &str| {
        format!(
            "{{\"model.norm.weight\":{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":{offsets}}}}}"
        )
    };
    let good = row("F32", "[32]", "[0,128]");
    for (bytes, parts) in [
        (vec![0; 7], ["truncated", "needs 8 bytes"]),
        (
            u64::MAX.to_le_bytes().to_vec(),
            ["truncated", "safetensors header"],
        ),
        (header("{", 0), ["not valid", "line 1"]),
        (header("[]", 0), ["not valid", "object of tensors"]),
        (header(&good, 127), ["model.norm.weight", "truncated"]),
        (header(&good, 130), ["belong to no tensor", "to 211"]),
        (
            header(&row("F32", "[32]", "[8,136]"), 136),
            ["belong to no tensor", "byte 81"],
        ),
        (
            header(&row("F32", "[31]", "[0,128]"), 128),
            ["model.norm.weight", "take 124"],
        ),
        (
            header(&row("F32", "[32]", "[128,0]"), 128),
            ["model.norm.weight", "before its begin"],
        ),
        (
            header(&row("F32", "[-1]", "[0,128]"), 128),
            ["not valid", "-1"],
        ),
        (
            header(&row("F32", "[99999999999,99999999999]", "[0,128]"), 128),
            ["model.norm.weight", "impossibly"],
        ),
        (
            header(&row("I64", "[16]", "[0,128]"), 128),
            ["model.norm.weight", "type I64"],
        ),
        (
            header(&good.replace("norm", "morn"), 128),
            ["model.morn.weight", "no part of a Llama"],
        ),
        (
            header(&good, 128),
            ["model.embed_tokens.weight is missing", "every model"],
        ),
    ] {
        folder_changed(name, &bytes, &[&parts[..], &[name]].concat());
    }
    let mut twice = SafetensorsFile::model(&tiny_config(), TensorType::F32, 1).unwrap();
    let again = twice.tensors[4].clone();
    twice.tensors.push(again);
    folder_changed(
        name,
        &twice.bytes(),
        &["duplicate tensor model.layers.0.self_attn.v_proj.weight"],
    );
    let mut shape = SafetensorsFile::model(&tiny_config(), TensorType::F32, 1).unwrap();
    let norm = shape
        .tensors
        .iter_mut()
        .find(|tensor| tensor.0 == "model.norm.weight")
        .unwrap();
    norm.2 = vec![16, 2];
    folder_changed(
        name,
        &shape.bytes(),
        &["model.norm.weight should be [32]", "is [16, 2]"],
    );
    let overlap = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#;
    folder_changed(name, &header(overlap, 12), &["tensors a and b overlap"]);
}

#[test]
fn config_that_contradicts_tensors_is_rejected() {
    let mut untied = config_json(&tiny_config());
    untied["tie_word_embeddings"] = json!(false);
    folder_changed(
        "config.json",
        untied.to_string().as_bytes(),
        &["lm_head.weight is missing", "tie_word_embeddings is false"],
    );
    let mut biased = config_json(&tiny_config());
    biased["attention_bias"] = json!(true);
    folder_changed(
        "config.json",
        biased.to_string().as_bytes(),
        &["self_attn.q_proj.bias is missing"],
    );
    let mut config = tiny_config();
    config.mlp_bias = true;
    let weights = SafetensorsFile::model(&config, TensorType::F32, 1)
        .unwrap()
        .bytes();
    folder_changed(
        "model.safetensors",
        &weights,
        &["mlp_bias is false", "mlp.gate_proj.bias"],
    );
}
