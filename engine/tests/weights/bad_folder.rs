//! Checks that every kind of broken Hugging Face folder gives an error that says what is wrong and where.

use llamaglass_engine::weights::testing::{SafetensorsFile, config_json, tiny_config, with_header};
use llamaglass_engine::weights::{Checkpoint, TensorType, WeightsError};
use serde_json::{Value, json};

use crate::support::{assert_error, open};

type Files = Vec<(String, Vec<u8>)>;

fn files() -> Files {
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

fn open_folder(files: &Files) -> Result<Checkpoint, WeightsError> {
    let files = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    open(&files.collect::<Vec<_>>())
}

fn safetensors() -> SafetensorsFile {
    SafetensorsFile::model(&tiny_config(), TensorType::F32, 1).unwrap()
}

/// Asserts that the folder is rejected, with an error that contains all `parts`, if `name` has these bytes.
fn rejected(name: &str, bytes: &[u8], parts: &[&str]) {
    let mut files = files();
    files.retain(|file| file.0 != name);
    files.push((name.to_owned(), bytes.to_vec()));
    assert_error(open_folder(&files), parts);
}

#[test]
fn incomplete_folders_are_rejected() {
    assert!(open_folder(&files()).is_ok());
    for (name, part) in [
        ("config.json", "config.json is missing"),
        ("tokenizer.json", "no tokenizer"),
        ("model.safetensors", "model.safetensors is missing"),
    ] {
        let mut files = files();
        files.retain(|file| file.0 != name);
        assert_error(open_folder(&files), &[part]);
        let empty = if name.ends_with("json") {
            "empty"
        } else {
            "truncated"
        };
        rejected(name, b"", &[name, empty]);
    }
    rejected(
        "config.json",
        b"{\"a\": 1, \"a\": 2}",
        &["config.json", "duplicate key a at line 1"],
    );
    rejected(
        "config.json",
        b"{\"a\": NaN}",
        &["config.json", "line 1 column 7"],
    );
    rejected("config.json", b"[]", &["config.json", "not a JSON object"]);
    let index = |value: Value| {
        json!({"weight_map": {"model.norm.weight": value}})
            .to_string()
            .into_bytes()
    };
    let name = "model.safetensors.index.json";
    rejected(
        name,
        &index(json!("gone.safetensors")),
        &["gone.safetensors is missing", "model.norm.weight"],
    );
    rejected(
        name,
        &index(json!(7)),
        &["weight_map.model.norm.weight", "a file name"],
    );
    let promised = json!({"weight_map": {"lm_head.weight": "model.safetensors"}}).to_string();
    rejected(
        name,
        promised.as_bytes(),
        &["lm_head.weight is missing", "the index lists"],
    );
    rejected(name, b"{}", &["weight_map is missing"]);
    let mut shard = files();
    shard[2].0 = "model-00001-of-00002.safetensors".to_owned();
    assert_error(
        open_folder(&shard),
        &["model-00002-of-00002.safetensors is missing"],
    );
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
            ["model.norm.weight", "before its start"],
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
            ["model.morn.weight", "not part of a Llama"],
        ),
        (
            header(&good, 128),
            ["model.embed_tokens.weight is missing", "every model"],
        ),
    ] {
        rejected(name, &bytes, &[&parts[..], &[name]].concat());
    }
    let mut twice = safetensors();
    let again = twice.tensors[4].clone();
    twice.tensors.push(again);
    rejected(
        name,
        &twice.bytes(),
        &["duplicate tensor model.layers.0.self_attn.v_proj.weight"],
    );
    let mut shape = safetensors();
    let mut tensors = shape.tensors.iter_mut();
    let norm = tensors.find(|tensor| tensor.name == "model.norm.weight");
    norm.unwrap().shape = vec![16, 2];
    let parts = [
        "model.norm.weight should have the shape [32]",
        "has [16, 2]",
    ];
    rejected(name, &shape.bytes(), &parts);
    let overlap = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#;
    rejected(name, &header(overlap, 12), &["tensors a and b overlap"]);
}

#[test]
fn config_that_contradicts_tensors_is_rejected() {
    let check = |key: &str, value: bool, parts: &[&str]| {
        let mut config = config_json(&tiny_config());
        config[key] = json!(value);
        rejected("config.json", config.to_string().as_bytes(), parts);
    };
    let missing = ["lm_head.weight is missing", "tie_word_embeddings is false"];
    check("tie_word_embeddings", false, &missing);
    check(
        "attention_bias",
        true,
        &["self_attn.q_proj.bias is missing"],
    );
    let mut config = tiny_config();
    config.mlp_bias = true;
    let weights = SafetensorsFile::model(&config, TensorType::F32, 1)
        .unwrap()
        .bytes();
    rejected(
        "model.safetensors",
        &weights,
        &["mlp_bias is false", "mlp.gate_proj.bias"],
    );
}
