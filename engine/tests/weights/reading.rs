//! Checks how much of a file is read, and that a model is the same in every file format.

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

use async_trait::async_trait;
use llamaglass_engine::bytes::{ByteSource, BytesError, MemorySource};
use llamaglass_engine::weights::testing::{
    GgufFile, GgufTensor, SafetensorsFile, config_json, tiny_config,
};
use llamaglass_engine::weights::{
    BlockTensor, Checkpoint, MetaArray, MetaValue, ModelConfig, RopeScaling, TensorName, TensorType,
};
use pollster::block_on;

use crate::support::{open, open_gguf};

/// Counts reads and bytes read.
struct Counted {
    inner: MemorySource,
    bytes: Rc<Cell<usize>>,
    reads: Rc<Cell<usize>>,
}

#[async_trait(?Send)]
impl ByteSource for Counted {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn len(&self) -> u64 {
        self.inner.len()
    }

    async fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>, BytesError> {
        self.bytes.set(self.bytes.get() + len);
        self.reads.set(self.reads.get() + 1);
        self.inner.read(offset, len).await
    }
}

#[test]
fn tensors_of_a_file_in_memory_are_not_copied() {
    let mut file = GgufFile::model(&tiny_config(), TensorType::Q8_0, 1).unwrap();
    let checkpoint = open_gguf(&file.bytes()).unwrap();
    for tensor in checkpoint.tensors() {
        let raw = block_on(checkpoint.read_raw(tensor.name)).unwrap();
        assert!(matches!(raw, Cow::Borrowed(_)), "{}", tensor.name);
        assert_eq!(raw, file.tensor(tensor.name).unwrap().bytes);
    }
}

#[test]
fn opening_reads_only_the_header_in_few_reads() {
    let mut config = tiny_config();
    config.hidden_size = 1024;
    config.ffn_size = 2048;
    let mut file = GgufFile::model(&config, TensorType::F32, 1).unwrap();
    // Longer than the first reads: a vocabulary of realistic size.
    let tokens = (0..150_000)
        .map(|i| format!("a token of usual length {i}"))
        .collect();
    file.set(
        "tokenizer.ggml.merges",
        MetaValue::Array(MetaArray::Strings(tokens)),
    );
    let (header, whole) = (file.header().len(), file.bytes());
    assert!(
        header > 4 << 20 && whole.len() > 3 * header,
        "{header} {}",
        whole.len()
    );
    let (bytes, reads) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let source = Counted {
        inner: MemorySource::new("m.gguf", whole),
        bytes: Rc::clone(&bytes),
        reads: Rc::clone(&reads),
    };
    let checkpoint = block_on(Checkpoint::open(vec![Box::new(source)])).unwrap();
    assert!(
        bytes.get() < 2 * header + 1024,
        "{} for a header of {header}",
        bytes.get()
    );
    assert!(reads.get() <= 10, "{} reads", reads.get());
    let name = TensorName::Block(1, BlockTensor::Down);
    let before = bytes.get();
    let raw = block_on(checkpoint.read_raw(name)).unwrap();
    assert_eq!(bytes.get() - before, raw.len());
    assert_eq!(raw, file.tensor(name).unwrap().bytes);
}

/// A configuration with biases, linear scaling, an explicit head size, one KV head and an untied output.
fn unusual() -> ModelConfig {
    ModelConfig {
        n_kv_heads: 1,
        tied: false,
        attention_bias: true,
        mlp_bias: true,
        rope: llamaglass_engine::weights::RopeConfig {
            scaling: RopeScaling::Linear { factor: 4.0 },
            ..tiny_config().rope
        },
        ..tiny_config()
    }
}

fn folder(config: &ModelConfig, tensor_type: TensorType) -> Checkpoint {
    let weights = SafetensorsFile::model(config, tensor_type, 7)
        .unwrap()
        .bytes();
    let json = config_json(config).to_string();
    open(&[
        ("sub/config.json", b"{}"),
        ("config.json", json.as_bytes()),
        ("tokenizer.json", b"{}"),
        ("notes.txt", b"x"),
        ("model.safetensors", &weights),
    ])
    .unwrap()
}

#[test]
fn model_is_the_same_in_every_format() {
    for config in [tiny_config(), unusual()] {
        for tensor_type in [TensorType::F32, TensorType::F16, TensorType::BF16] {
            let random = Checkpoint::random(config.clone(), tensor_type, 7).unwrap();
            let hf = folder(&config, tensor_type);
            let gguf =
                open_gguf(&GgufFile::model(&config, tensor_type, 7).unwrap().bytes()).unwrap();
            assert_eq!(hf.config(), &config);
            let mut from_gguf = gguf.config().clone();
            from_gguf.rope.layout = config.rope.layout;
            assert_eq!(from_gguf, config);
            assert_eq!(random.tensors().count(), gguf.tensors().count());
            for tensor in random.tensors() {
                let values = block_on(random.read_f32(tensor.name)).unwrap();
                assert_eq!(values.len() as u64, tensor.elements());
                for other in [&hf, &gguf] {
                    let name = tensor.name;
                    assert_eq!(values, block_on(other.read_f32(name)).unwrap(), "{name}");
                }
            }
            assert_eq!(random.parameters(), gguf.parameters());
            assert_eq!(random.total_bytes(), gguf.total_bytes());
            assert!(random.tensor(TensorName::RopeFreqs).is_none());
            assert!(block_on(random.read_raw(TensorName::RopeFreqs)).is_err());
        }
    }
}

#[test]
fn gguf_versions_and_alignments_are_supported() {
    for version in [2, 3] {
        for alignment in [8, 32, 256, 4096] {
            let mut file = GgufFile::model(&tiny_config(), TensorType::Q4_0, 3).unwrap();
            (file.version, file.alignment) = (version, u64::from(alignment));
            file.set("general.alignment", MetaValue::U32(alignment));
            let checkpoint = open_gguf(&file.bytes()).unwrap();
            assert_eq!(checkpoint.format().to_string(), format!("GGUF v{version}"));
            for tensor in checkpoint.tensors() {
                let name = tensor.name;
                let raw = block_on(checkpoint.read_raw(name)).unwrap();
                assert_eq!(raw, file.tensor(name).unwrap().bytes, "{name}");
            }
        }
    }
}

#[test]
fn rope_freqs_are_multiplied_by_linear_factor() {
    let mut file = GgufFile::model(&unusual(), TensorType::F32, 3).unwrap();
    file.tensors.push(GgufTensor {
        name: "rope_freqs.weight".to_owned(),
        shape: vec![3],
        type_id: 0,
        bytes: [1.0f32, 2.0, 8.0].map(f32::to_le_bytes).concat(),
        offset: None,
    });
    let checkpoint = open_gguf(&file.bytes()).unwrap();
    let scaled = RopeScaling::Factors(vec![4.0, 8.0, 32.0]);
    assert_eq!(checkpoint.config().rope.scaling, scaled);
    let without = Checkpoint::random(unusual(), TensorType::F32, 3).unwrap();
    assert_eq!(checkpoint.parameters(), without.parameters());
}
