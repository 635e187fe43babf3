//! Seeds of the fuzz corpus.

use super::{GgufFile, SafetensorsFile, tiny_config, with_header};
use crate::weights::{
    MetaArray, MetaType, MetaValue, ModelConfig, RopeScaling, TensorType, WeightsError,
};

/// A file of the fuzz corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// Fuzz target: `gguf` or `safetensors`.
    pub target: &'static str,
    /// Name of the file; begins with `good` if the file opens.
    pub name: String,
    /// Contents of the file.
    pub bytes: Vec<u8>,
}

/// Returns small valid files and one file per kind of error; the result is always the same.
pub fn seeds() -> Result<Vec<Seed>, WeightsError> {
    let small = ModelConfig {
        n_layers: 1,
        ..tiny_config()
    };
    let mut seeds = Vec::new();
    gguf(&small, &mut seeds)?;
    safetensors(&tiny_config(), &mut seeds)?;
    Ok(seeds)
}

fn gguf(config: &ModelConfig, seeds: &mut Vec<Seed>) -> Result<(), WeightsError> {
    let mut add = |name: &str, bytes: Vec<u8>| {
        seeds.push(Seed {
            target: "gguf",
            name: name.to_owned(),
            bytes,
        });
    };
    for tensor_type in TensorType::ALL {
        let name = format!("good-{}", tensor_type.name().to_lowercase());
        add(&name, GgufFile::model(config, tensor_type, 1)?.bytes());
    }
    let unusual = ModelConfig {
        tied: false,
        attention_bias: true,
        mlp_bias: true,
        n_kv_heads: 1,
        rope: crate::weights::RopeConfig {
            scaling: RopeScaling::Linear { factor: 2.0 },
            ..config.rope.clone()
        },
        ..config.clone()
    };
    add(
        "good-unusual",
        GgufFile::model(&unusual, TensorType::Q4_0, 1)?.bytes(),
    );

    let good = GgufFile::model(config, TensorType::Q8_0, 1)?;
    let mut every = good.clone();
    (every.version, every.alignment) = (2, 64);
    every.set("general.alignment", MetaValue::U32(64));
    for (i, value) in every_value().into_iter().enumerate() {
        every.set(&format!("x.{i}"), value);
    }
    add("good-v2-every-value", every.bytes());

    let bytes = good.bytes();
    let header = good.header();
    add("bad-empty", Vec::new());
    add("bad-magic", b"GGML\x03\0\0\0".to_vec());
    add("bad-truncated-header", header[..header.len() / 2].to_vec());
    add("bad-truncated-data", bytes[..bytes.len() - 100].to_vec());
    for (name, at, count) in [
        ("tensors", 8, u64::MAX),
        ("pairs", 16, 1 << 40),
        ("key", 24, 1 << 60),
    ] {
        let mut huge = bytes.clone();
        huge[at..at + 8].copy_from_slice(&count.to_le_bytes());
        add(&format!("bad-huge-{name}"), huge);
    }
    let mut change = |name: &str, change: fn(&mut GgufFile)| {
        let mut file = good.clone();
        change(&mut file);
        add(name, file.bytes());
    };
    change("bad-endian", |file| file.version = 3u32.swap_bytes());
    change("bad-version", |file| file.version = 1);
    change("bad-key-twice", |file| {
        file.pairs.push(file.pairs[0].clone())
    });
    change("bad-tensor-twice", |file| {
        file.tensors.push(file.tensors[0].clone())
    });
    change("bad-overlap", |file| file.tensors[1].offset = Some(0));
    change("bad-offset", |file| {
        file.tensors[1].offset = Some(u64::MAX - 31)
    });
    change("bad-type", |file| file.tensors[1].type_id = 16);
    change("bad-shape", |file| {
        file.tensors[0].shape = vec![1 << 62, 32]
    });
    change("bad-alignment", |file| {
        file.set("general.alignment", MetaValue::U32(33))
    });
    change("bad-architecture", |file| {
        file.set(
            "general.architecture",
            MetaValue::String("qwen2".to_owned()),
        );
    });
    Ok(())
}

/// Returns one value of each type.
fn every_value() -> Vec<MetaValue> {
    let fixed = MetaArray::Fixed {
        element: MetaType::I16,
        bytes: vec![1, 2, 3, 4],
    };
    vec![
        MetaValue::U8(1),
        MetaValue::I8(-1),
        MetaValue::U16(2),
        MetaValue::I16(-2),
        MetaValue::U32(3),
        MetaValue::I32(-3),
        MetaValue::F32(1.5),
        MetaValue::Bool(true),
        MetaValue::String("ü".to_owned()),
        MetaValue::Array(MetaArray::Arrays(vec![
            fixed,
            MetaArray::Strings(vec!["x".to_owned()]),
        ])),
        MetaValue::U64(4),
        MetaValue::I64(-4),
        MetaValue::F64(-1.5),
    ]
}

fn safetensors(config: &ModelConfig, seeds: &mut Vec<Seed>) -> Result<(), WeightsError> {
    let mut add = |name: &str, bytes: Vec<u8>| {
        seeds.push(Seed {
            target: "safetensors",
            name: name.to_owned(),
            bytes,
        });
    };
    for tensor_type in [TensorType::F16, TensorType::BF16] {
        let mut file = SafetensorsFile::model(config, tensor_type, 1)?;
        file.metadata = vec![("format".to_owned(), "pt".to_owned())];
        add(
            &format!("good-{}", tensor_type.name().to_lowercase()),
            file.bytes(),
        );
    }
    let good = SafetensorsFile::model(config, TensorType::F16, 1)?;
    let bytes = good.bytes();
    add("bad-empty", Vec::new());
    add("bad-truncated-header", bytes[..200].to_vec());
    add("bad-truncated-data", bytes[..bytes.len() - 1].to_vec());
    add("bad-trailing", [bytes.as_slice(), &[0]].concat());
    add("bad-huge-header", u64::MAX.to_le_bytes().to_vec());
    let mut twice = good.clone();
    twice.tensors.push(good.tensors[0].clone());
    add("bad-tensor-twice", twice.bytes());
    for (name, header) in [
        ("bad-json", r#"{"a":"#),
        (
            "bad-overlap",
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}"#,
        ),
        (
            "bad-order",
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#,
        ),
        (
            "bad-type",
            r#"{"model.norm.weight":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}"#,
        ),
        (
            "bad-size",
            r#"{"model.norm.weight":{"dtype":"F32","shape":[9999999999,9999999999],"data_offsets":[0,4]}}"#,
        ),
    ] {
        add(name, [with_header(header).as_slice(), &[0; 6]].concat());
    }
    Ok(())
}
