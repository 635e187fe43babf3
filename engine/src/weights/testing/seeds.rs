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

/// Returns a function that adds a file by its name and contents.
fn adder(target: &'static str, seeds: &mut Vec<Seed>) -> impl FnMut(&str, Vec<u8>) {
    move |name, bytes| {
        let name = name.to_owned();
        seeds.push(Seed {
            target,
            name,
            bytes,
        });
    }
}

fn gguf(config: &ModelConfig, seeds: &mut Vec<Seed>) -> Result<(), WeightsError> {
    let mut add = adder("gguf", seeds);
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

    bad_gguf(&good, &mut add);
    Ok(())
}

/// Adds one file per kind of error.
fn bad_gguf(good: &GgufFile, add: &mut impl FnMut(&str, Vec<u8>)) {
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
    type Change = fn(&mut GgufFile);
    let architecture = |f: &mut GgufFile| {
        let other = MetaValue::String("qwen2".to_owned());
        f.set("general.architecture", other);
    };
    let changes: [(&str, Change); 10] = [
        ("endian", |f| f.version = 3u32.swap_bytes()),
        ("version", |f| f.version = 1),
        ("key-twice", |f| f.pairs.push(f.pairs[0].clone())),
        ("tensor-twice", |f| f.tensors.push(f.tensors[0].clone())),
        ("overlap", |f| f.tensors[1].offset = Some(0)),
        ("offset", |f| f.tensors[1].offset = Some(u64::MAX - 31)),
        ("type", |f| f.tensors[1].type_id = 16),
        ("shape", |f| f.tensors[0].shape = vec![1 << 62, 32]),
        ("alignment", |f| {
            f.set("general.alignment", MetaValue::U32(33))
        }),
        ("architecture", architecture),
    ];
    for (name, change) in changes {
        let mut file = good.clone();
        change(&mut file);
        add(&format!("bad-{name}"), file.bytes());
    }
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
    let mut add = adder("safetensors", seeds);
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
