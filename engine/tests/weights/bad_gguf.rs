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
fn rejected(bytes: &[u8], parts: &[&str]) {
    assert_error(open_gguf(bytes), &[parts, &["m.gguf"]].concat());
}

/// Asserts that a valid file is rejected after `change`, as [`rejected`] does.
fn rejected_after(change: impl Fn(&mut GgufFile), parts: &[&str]) {
    let mut file = model();
    change(&mut file);
    rejected(&file.bytes(), parts);
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
    rejected(b"", &["empty"]);
    rejected(b"GG", &["truncated", "magic", "byte 0"]);
    rejected(b"GGML\x03\0\0\0", &["not a GGUF file", "GGML"]);
    rejected(
        b"version https://git-lfs.github.com/spec/v1",
        &["Git LFS pointer"],
    );
    rejected(b"<!DOCTYPE html><html></html>", &["web page"]);
    let mut version = model();
    version.version = 1;
    rejected(&version.bytes(), &["version 1", "2 and 3"]);
    version.version = 3u32.swap_bytes();
    rejected(&version.bytes(), &["big-endian", "version 3"]);
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
    rejected(
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
            rejected(&bytes, &[what, &count.to_string()]);
        }
    }
    // Length of the first key.
    let mut bytes = good;
    bytes[24..32].copy_from_slice(&u64::MAX.to_le_bytes());
    rejected(&bytes, &["metadata key 0", "byte 32"]);
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
        rejected(
            &bytes,
            &["x.array", "truncated", &format!("byte {}", key + 23)],
        );
    }
    for (shape, what) in [
        (vec![1 << 62, 1 << 62], "impossibly large"),
        (vec![1 << 40, 32], "truncated"),
        (vec![0, 32], "dimension of 0"),
        (vec![1, 1, 1, 1, 32], "5 dimensions"),
    ] {
        let change = |f: &mut GgufFile| f.tensors[0].shape = shape.clone();
        rejected_after(change, &["token_embd.weight", what]);
    }
}

#[test]
fn invalid_metadata_is_rejected() {
    rejected_after(
        |f| f.pairs.push(("general.name".to_owned(), text("again"))),
        &["duplicate key general.name"],
    );
    let mut nested = MetaArray::Strings(Vec::new());
    for _ in 0..10 {
        nested = MetaArray::Arrays(vec![nested]);
    }
    for (key, value, what) in [
        ("llama.block_count", text("three"), "string three"),
        ("llama.block_count", MetaValue::I32(-1), "-1"),
        ("x.nested", MetaValue::Array(nested), "deep"),
        (
            "general.alignment",
            MetaValue::U32(33),
            "general.alignment is 33",
        ),
        (
            "general.alignment",
            MetaValue::U32(0),
            "general.alignment is 0",
        ),
    ] {
        rejected_after(|f| f.set(key, value.clone()), &[key, what]);
    }
    let mut bytes = model().header();
    // Type of the first value, which is a string.
    let at = 24 + 8 + "general.architecture".len();
    bytes[at] = 77;
    rejected(
        &bytes,
        &[
            "general.architecture",
            "unknown type 77",
            &format!("byte {at}"),
        ],
    );
    bytes[at] = 7;
    bytes[at + 4] = 2;
    rejected(&bytes, &["general.architecture", "is not a bool"]);
    let mut bytes = model().bytes();
    bytes[32] = 0xff;
    rejected(&bytes, &["metadata key 0 is not UTF-8", "byte 32"]);
}

#[test]
fn invalid_tensors_are_rejected() {
    for (type_id, name) in [(16, "IQ2_XXS"), (999, "number 999")] {
        let change = |f: &mut GgufFile| f.tensors[3].type_id = type_id;
        rejected_after(change, &["blk.0.attn_k.weight", name]);
    }
    for (offset, what) in [
        (0, "token_embd.weight and blk.0.attn_q.weight overlap"),
        (7, "has the offset 7, not a multiple of 32"),
        (u64::MAX - 31, "truncated"),
    ] {
        let change = |f: &mut GgufFile| f.tensors[2].offset = Some(offset);
        rejected_after(change, &["blk.0.attn_q.weight", what]);
    }
    rejected_after(
        |f| f.tensors.push(f.tensors[1].clone()),
        &["duplicate tensor blk.0.attn_norm.weight"],
    );
    let down = TensorName::Block(1, BlockTensor::Down);
    rejected_after(
        |f| f.tensor(down).unwrap().shape = vec![20, 32],
        &["blk.1.ffn_down.weight", "shape [32, 20]", "has [20, 32]"],
    );
    let name = TensorName::Block(1, BlockTensor::Up);
    rejected_after(
        |f| f.tensor(name).unwrap().shape = vec![32, 20],
        &["blk.1.ffn_up.weight", "rows of 20", "blocks of 32"],
    );
    rejected_after(
        |f| f.tensor(name).unwrap().name = "blk.1.ffn_up_exps.weight".to_owned(),
        &["blk.1.ffn_up_exps.weight", "not part of a Llama"],
    );
    rejected_after(
        |f| {
            f.tensors
                .retain(|tensor| tensor.name != "blk.1.ffn_up.weight")
        },
        &["blk.1.ffn_up.weight is missing", "block 1 of 2"],
    );
    rejected_after(
        |f| f.set("llama.block_count", MetaValue::U32(1)),
        &["blk.1.attn_norm.weight", "last of 1 blocks"],
    );
    rejected_after(
        |f| f.set("llama.block_count", MetaValue::U32(3)),
        &["blk.2.attn_norm.weight is missing"],
    );
    rejected_after(
        |f| {
            f.tensors.push(GgufTensor {
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
        rejected_after(change, &[named]);
    }
}

#[test]
fn impossible_gguf_configurations_are_rejected() {
    let u32 = MetaValue::U32;
    for (key, value, named) in [
        ("llama.attention.head_count", u32(0), "number of heads is 0"),
        (
            "llama.rope.freq_base",
            MetaValue::F32(-1.0),
            "RoPE base is -1",
        ),
    ] {
        rejected_after(
            |f| f.set(key, value.clone()),
            &[named, "invalid configuration"],
        );
    }
    for key in ["general.architecture", "llama.embedding_length"] {
        rejected_after(|f| f.pairs.retain(|pair| pair.0 != key), &["missing", key]);
    }
    for key in ["tokenizer.ggml.model", "tokenizer.ggml.tokens"] {
        rejected_after(
            |f| f.pairs.retain(|pair| pair.0 != key),
            &["no tokenizer", key],
        );
    }
}
