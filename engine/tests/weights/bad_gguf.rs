//! Checks that every kind of broken GGUF file gives an error that says what is wrong and where.

use llamaglass_engine::weights::testing::{GgufFile, GgufTensor, tiny_config};
use llamaglass_engine::weights::{
    BlockTensor, MetaArray, MetaType, MetaValue, TensorName, TensorType,
};

use crate::support::{assert_error, open_gguf};

fn model() -> GgufFile {
    GgufFile::model(&tiny_config(), TensorType::Q8_0, 1).unwrap()
}

fn text(text: &str) -> MetaValue {
    MetaValue::String(text.to_owned())
}

/// Asserts that `bytes` are rejected with an error that contains all `parts`.
fn assert_rejected(bytes: &[u8], parts: &[&str]) {
    assert_error(open_gguf(bytes), &[parts, &["m.gguf"]].concat());
}

/// Asserts that a valid file is rejected after `change`, as [`assert_rejected`] does.
fn assert_rejected_after(change: impl Fn(&mut GgufFile), parts: &[&str]) {
    let mut file = model();
    change(&mut file);
    assert_rejected(&file.bytes(), parts);
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
    assert_rejected(b"", &["empty"]);
    assert_rejected(b"GG", &["truncated", "magic", "byte 0"]);
    assert_rejected(b"GGML\x03\0\0\0", &["not a GGUF file", "GGML"]);
    assert_rejected(
        b"version https://git-lfs.github.com/spec/v1",
        &["Git LFS pointer"],
    );
    assert_rejected(b"<!DOCTYPE html><html></html>", &["web page"]);
    let mut version = model();
    version.version = 1;
    assert_rejected(&version.bytes(), &["version 1", "2 and 3"]);
    version.version = 3u32.swap_bytes();
    assert_rejected(&version.bytes(), &["big-endian", "version 3"]);
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
    assert_rejected(
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
            assert_rejected(&bytes, &[what, &count.to_string()]);
        }
    }
    // Length of the first key.
    let mut bytes = good;
    bytes[24..32].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_rejected(&bytes, &["metadata key 0", "byte 32"]);
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
        assert_rejected(
            &bytes,
            &["x.array", "truncated", &format!("byte {}", key + 23)],
        );
    }
    assert_rejected_after(
        |file| file.tensors[0].shape = vec![1 << 62, 1 << 62],
        &["token_embd.weight", "impossibly large"],
    );
    assert_rejected_after(
        |file| file.tensors[0].shape = vec![1 << 40, 32],
        &["token_embd.weight", "truncated"],
    );
    assert_rejected_after(
        |file| file.tensors[0].shape = vec![0, 32],
        &["token_embd.weight", "dimension of 0"],
    );
    assert_rejected_after(
        |file| file.tensors[0].shape = vec![1, 1, 1, 1, 32],
        &["token_embd.weight", "5 dimensions"],
    );
}

#[test]
fn invalid_metadata_is_rejected() {
    assert_rejected_after(
        |file| file.pairs.push(("general.name".to_owned(), text("again"))),
        &["duplicate key general.name"],
    );
    assert_rejected_after(
        |file| file.set("llama.block_count", text("three")),
        &["llama.block_count", "size", "string three"],
    );
    assert_rejected_after(
        |file| file.set("llama.block_count", MetaValue::I32(-1)),
        &["llama.block_count", "-1"],
    );
    let mut nested = MetaArray::Strings(Vec::new());
    for _ in 0..10 {
        nested = MetaArray::Arrays(vec![nested]);
    }
    assert_rejected_after(
        |file| file.set("x.nested", MetaValue::Array(nested.clone())),
        &["x.nested", "deep"],
    );
    let mut bytes = model().header();
    // Type of the first value, which is a string.
    let at = 24 + 8 + "general.architecture".len();
    bytes[at] = 77;
    assert_rejected(
        &bytes,
        &[
            "general.architecture",
            "unknown type 77",
            &format!("byte {at}"),
        ],
    );
    bytes[at] = 7;
    bytes[at + 4] = 2;
    assert_rejected(&bytes, &["general.architecture", "is not a bool"]);
    let mut bytes = model().bytes();
    bytes[32] = 0xff;
    assert_rejected(&bytes, &["metadata key 0 is not UTF-8", "byte 32"]);
    assert_rejected_after(
        |file| file.set("general.alignment", MetaValue::U32(33)),
        &["general.alignment is 33"],
    );
    assert_rejected_after(
        |file| file.set("general.alignment", MetaValue::U32(0)),
        &["general.alignment is 0"],
    );
}

#[test]
fn invalid_tensors_are_rejected() {
    assert_rejected_after(
        |file| file.tensors[3].type_id = 16,
        &["blk.0.attn_k.weight", "IQ2_XXS"],
    );
    assert_rejected_after(
        |file| file.tensors[3].type_id = 999,
        &["blk.0.attn_k.weight", "number 999"],
    );
    assert_rejected_after(
        |file| file.tensors[2].offset = Some(0),
        &["token_embd.weight and blk.0.attn_q.weight overlap"],
    );
    assert_rejected_after(
        |file| file.tensors[2].offset = Some(7),
        &["blk.0.attn_q.weight", "offset 7", "multiple of 32"],
    );
    assert_rejected_after(
        |file| file.tensors[2].offset = Some(u64::MAX - 31),
        &["blk.0.attn_q.weight", "truncated"],
    );
    assert_rejected_after(
        |file| {
            let again = file.tensors[1].clone();
            file.tensors.push(again);
        },
        &["duplicate tensor blk.0.attn_norm.weight"],
    );
    let down = TensorName::Block(1, BlockTensor::Down);
    assert_rejected_after(
        |file| file.tensor(down).unwrap().shape = vec![20, 32],
        &["blk.1.ffn_down.weight", "shape [32, 20]", "has [20, 32]"],
    );
    let name = TensorName::Block(1, BlockTensor::Up);
    assert_rejected_after(
        |file| file.tensor(name).unwrap().shape = vec![32, 20],
        &["blk.1.ffn_up.weight", "rows of 20", "blocks of 32"],
    );
    assert_rejected_after(
        |file| file.tensor(name).unwrap().name = "blk.1.ffn_up_exps.weight".to_owned(),
        &["blk.1.ffn_up_exps.weight", "not part of a Llama"],
    );
    assert_rejected_after(
        |file| {
            file.tensors
                .retain(|tensor| tensor.name != "blk.1.ffn_up.weight")
        },
        &["blk.1.ffn_up.weight is missing", "block 1 of 2"],
    );
    assert_rejected_after(
        |file| file.set("llama.block_count", MetaValue::U32(1)),
        &["blk.1.attn_norm.weight", "last of 1 blocks"],
    );
    assert_rejected_after(
        |file| file.set("llama.block_count", MetaValue::U32(3)),
        &["blk.2.attn_norm.weight is missing"],
    );
    assert_rejected_after(
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
        assert_rejected_after(change, &[named]);
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
        assert_rejected_after(
            |file| file.set(key, value.clone()),
            &[named, "invalid configuration"],
        );
    }
    for key in [
        "general.architecture",
        "llama.embedding_length",
        "llama.context_length",
    ] {
        assert_rejected_after(
            |file| file.pairs.retain(|pair| pair.0 != key),
            &["missing", key],
        );
    }
    for key in ["tokenizer.ggml.model", "tokenizer.ggml.tokens"] {
        assert_rejected_after(
            |file| file.pairs.retain(|pair| pair.0 != key),
            &["no tokenizer", key],
        );
    }
}
