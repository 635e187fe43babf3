//! Writers of model files for tests, property tests and fuzzing. They write well-formed files and deliberately
//! broken ones, since nothing here is checked.

mod seeds;

use serde_json::{Map, Value, json};

pub use seeds::{Seed, seeds};

use super::{
    MetaArray, MetaType, MetaValue, ModelConfig, RopeConfig, RopeLayout, RopeScaling, TensorName,
    TensorType, WeightsError, random, table,
};

/// A GGUF file to write.
#[derive(Clone, Debug)]
pub struct GgufFile {
    /// Format version; valid files have 2 or 3.
    pub version: u32,
    /// Alignment of the tensor data in bytes. If it is not 32, set `general.alignment` as well.
    pub alignment: u64,
    /// Metadata pairs, in file order.
    pub pairs: Vec<(String, MetaValue)>,
    /// Tensors, in file order.
    pub tensors: Vec<GgufTensor>,
}

/// A tensor of a [`GgufFile`].
#[derive(Clone, Debug)]
pub struct GgufTensor {
    /// Name in the file.
    pub name: String,
    /// Rows, columns: the slowest dimension comes first.
    pub shape: Vec<u64>,
    /// Number of the tensor type in a GGUF file.
    pub type_id: u32,
    /// Tensor data.
    pub bytes: Vec<u8>,
    /// Offset to write to the tensor table; `None` places the tensor after the one before.
    pub offset: Option<u64>,
}

impl Default for GgufFile {
    fn default() -> Self {
        Self {
            version: 3,
            alignment: 32,
            pairs: Vec::new(),
            tensors: Vec::new(),
        }
    }
}

impl GgufFile {
    /// Creates a complete model with random weights and a tokenizer whose tokens are `t0`, `t1` ...
    pub fn model(
        config: &ModelConfig,
        tensor_type: TensorType,
        seed: u64,
    ) -> Result<Self, WeightsError> {
        let table = random::table(config, tensor_type)?;
        let mut tensors = Vec::new();
        for tensor in table.all() {
            tensors.push(GgufTensor {
                name: tensor.stored_name.clone(),
                shape: tensor.shape.iter().map(|&n| n as u64).collect(),
                type_id: tensor.tensor_type.gguf_id(),
                bytes: random::bytes(tensor, seed)?,
                offset: None,
            });
        }
        Ok(Self {
            pairs: pairs(config),
            tensors,
            ..Self::default()
        })
    }

    /// Sets the value of a key; adds the key if it is new.
    pub fn set(&mut self, key: &str, value: MetaValue) {
        match self.pairs.iter_mut().find(|(name, _)| name == key) {
            Some(pair) => pair.1 = value,
            None => self.pairs.push((key.to_owned(), value)),
        }
    }

    /// Returns the tensor of this name.
    pub fn tensor(&mut self, name: TensorName) -> Option<&mut GgufTensor> {
        let name = name.gguf();
        self.tensors.iter_mut().find(|tensor| tensor.name == name)
    }

    /// Returns the part of the file before the tensor data.
    pub fn header(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(self.version.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.pairs.len() as u64).to_le_bytes());
        for (key, value) in &self.pairs {
            string(key, &mut out);
            out.extend(value.kind().id().to_le_bytes());
            encode(value, &mut out);
        }
        let mut next = 0;
        for tensor in &self.tensors {
            string(&tensor.name, &mut out);
            out.extend((tensor.shape.len() as u32).to_le_bytes());
            for n in tensor.shape.iter().rev() {
                out.extend(n.to_le_bytes());
            }
            out.extend(tensor.type_id.to_le_bytes());
            out.extend(tensor.offset.unwrap_or(next).to_le_bytes());
            next = (next + tensor.bytes.len() as u64).next_multiple_of(self.alignment);
        }
        out
    }

    /// Returns the complete file.
    pub fn bytes(&self) -> Vec<u8> {
        let alignment = self.alignment as usize;
        let mut out = self.header();
        for tensor in &self.tensors {
            out.resize(out.len().next_multiple_of(alignment), 0);
            out.extend(&tensor.bytes);
        }
        out.resize(out.len().next_multiple_of(alignment), 0);
        out
    }
}

fn string(text: &str, out: &mut Vec<u8>) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn encode(value: &MetaValue, out: &mut Vec<u8>) {
    match value {
        MetaValue::U8(x) => out.extend(x.to_le_bytes()),
        MetaValue::I8(x) => out.extend(x.to_le_bytes()),
        MetaValue::U16(x) => out.extend(x.to_le_bytes()),
        MetaValue::I16(x) => out.extend(x.to_le_bytes()),
        MetaValue::U32(x) => out.extend(x.to_le_bytes()),
        MetaValue::I32(x) => out.extend(x.to_le_bytes()),
        MetaValue::F32(x) => out.extend(x.to_le_bytes()),
        MetaValue::Bool(x) => out.push(u8::from(*x)),
        MetaValue::String(text) => string(text, out),
        MetaValue::Array(array) => encode_array(array, out),
        MetaValue::U64(x) => out.extend(x.to_le_bytes()),
        MetaValue::I64(x) => out.extend(x.to_le_bytes()),
        MetaValue::F64(x) => out.extend(x.to_le_bytes()),
    }
}

fn encode_array(array: &MetaArray, out: &mut Vec<u8>) {
    let element = match array {
        MetaArray::Fixed { element, .. } => *element,
        MetaArray::Strings(_) => MetaType::String,
        MetaArray::Arrays(_) => MetaType::Array,
    };
    out.extend(element.id().to_le_bytes());
    out.extend((array.len() as u64).to_le_bytes());
    match array {
        MetaArray::Fixed { bytes, .. } => out.extend(bytes),
        MetaArray::Strings(all) => all.iter().for_each(|text| string(text, out)),
        MetaArray::Arrays(all) => all.iter().for_each(|array| encode_array(array, out)),
    }
}

fn pairs(config: &ModelConfig) -> Vec<(String, MetaValue)> {
    let size = |n: usize| MetaValue::U32(n as u32);
    let text = |text: &str| MetaValue::String(text.to_owned());
    let tokens = (0..config.vocab_size).map(|id| format!("t{id}")).collect();
    let types = (0..config.vocab_size)
        .flat_map(|_| 1i32.to_le_bytes())
        .collect();
    let mut pairs = vec![
        ("general.architecture", text("llama")),
        (
            "general.name",
            text(config.name.as_deref().unwrap_or("tiny")),
        ),
        ("llama.context_length", size(config.context_length)),
        ("llama.embedding_length", size(config.hidden_size)),
        ("llama.block_count", size(config.n_layers)),
        ("llama.feed_forward_length", size(config.ffn_size)),
        ("llama.attention.head_count", size(config.n_heads)),
        ("llama.attention.head_count_kv", size(config.n_kv_heads)),
        ("llama.attention.key_length", size(config.head_dim)),
        ("llama.attention.value_length", size(config.head_dim)),
        ("llama.rope.dimension_count", size(config.head_dim)),
        (
            "llama.attention.layer_norm_rms_epsilon",
            MetaValue::F32(config.rms_eps),
        ),
        ("llama.rope.freq_base", MetaValue::F32(config.rope.theta)),
        ("tokenizer.ggml.model", text("gpt2")),
        ("tokenizer.ggml.pre", text("smollm")),
        (
            "tokenizer.ggml.tokens",
            MetaValue::Array(MetaArray::Strings(tokens)),
        ),
        (
            "tokenizer.ggml.token_type",
            MetaValue::Array(MetaArray::Fixed {
                element: MetaType::I32,
                bytes: types,
            }),
        ),
        (
            "tokenizer.ggml.merges",
            MetaValue::Array(MetaArray::Strings(Vec::new())),
        ),
    ];
    if let RopeScaling::Linear { factor } = config.rope.scaling {
        pairs.push(("llama.rope.scaling.type", text("linear")));
        pairs.push(("llama.rope.scaling.factor", MetaValue::F32(factor)));
    }
    if let Some(bos) = config.bos_id {
        pairs.push(("tokenizer.ggml.bos_token_id", MetaValue::U32(bos)));
    }
    if let Some(&eos) = config.eos_ids.first() {
        pairs.push(("tokenizer.ggml.eos_token_id", MetaValue::U32(eos)));
    }
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// A safetensors file to write.
#[derive(Clone, Debug, Default)]
pub struct SafetensorsFile {
    /// Contents of `__metadata__`, which is omitted if empty.
    pub metadata: Vec<(String, String)>,
    /// Tensors, in file order.
    pub tensors: Vec<SafetensorsTensor>,
}

/// A tensor of a [`SafetensorsFile`].
#[derive(Clone, Debug)]
pub struct SafetensorsTensor {
    /// Name in the file.
    pub name: String,
    /// Data type, such as `F16`.
    pub dtype: String,
    /// Rows, columns: the slowest dimension comes first.
    pub shape: Vec<u64>,
    /// Tensor data.
    pub bytes: Vec<u8>,
}

impl SafetensorsFile {
    /// Creates a file with all tensors of a model, with random weights for `config`.
    pub fn model(
        config: &ModelConfig,
        tensor_type: TensorType,
        seed: u64,
    ) -> Result<Self, WeightsError> {
        let mut file = Self::default();
        for tensor in random::table(config, tensor_type)?.all() {
            let shape = table::expected_shape(config, tensor.name);
            file.tensors.push(SafetensorsTensor {
                name: tensor.name.hugging_face(),
                dtype: tensor.tensor_type.name().to_owned(),
                shape: shape.iter().map(|&n| n as u64).collect(),
                bytes: random::bytes(tensor, seed)?,
            });
        }
        Ok(file)
    }

    /// Returns the header's JSON, without the length before it.
    pub fn header(&self) -> String {
        let mut entries = Vec::new();
        if !self.metadata.is_empty() {
            let metadata: Map<String, Value> = self
                .metadata
                .iter()
                .map(|(k, v)| (k.clone(), json!(v)))
                .collect();
            entries.push(format!("\"__metadata__\":{}", Value::Object(metadata)));
        }
        let mut offset = 0;
        for tensor in &self.tensors {
            let SafetensorsTensor {
                name,
                dtype,
                shape,
                bytes,
            } = tensor;
            let end = offset + bytes.len();
            // Written by hand, since a map would drop a duplicate name.
            entries.push(format!(
                "{}:{}",
                json!(name),
                json!({"dtype": dtype, "shape": shape, "data_offsets": [offset, end]})
            ));
            offset = end;
        }
        format!("{{{}}}", entries.join(","))
    }

    /// Returns the complete file.
    pub fn bytes(&self) -> Vec<u8> {
        let header = self.header();
        let mut out = with_header(&header);
        for tensor in &self.tensors {
            out.extend(&tensor.bytes);
        }
        out
    }
}

/// Returns the beginning of a safetensors file: the header's length, then its text.
pub fn with_header(header: &str) -> Vec<u8> {
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend(header.as_bytes());
    out
}

/// Returns a config.json that resolves to `config`, with `tied` and the biases written explicitly.
pub fn config_json(config: &ModelConfig) -> Value {
    let scaling = match &config.rope.scaling {
        RopeScaling::None | RopeScaling::Factors(_) => Value::Null,
        RopeScaling::Linear { factor } => json!({"rope_type": "linear", "factor": factor}),
        RopeScaling::Llama3 {
            factor,
            low_freq_factor,
            high_freq_factor,
            original_context,
        } => json!({
            "rope_type": "llama3", "factor": factor, "low_freq_factor": low_freq_factor,
            "high_freq_factor": high_freq_factor, "original_max_position_embeddings": original_context,
        }),
    };
    json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "_name_or_path": config.name,
        "vocab_size": config.vocab_size, "hidden_size": config.hidden_size, "intermediate_size": config.ffn_size,
        "num_hidden_layers": config.n_layers, "num_attention_heads": config.n_heads,
        "num_key_value_heads": config.n_kv_heads, "head_dim": config.head_dim,
        "max_position_embeddings": config.context_length, "rms_norm_eps": config.rms_eps,
        "rope_theta": config.rope.theta, "rope_scaling": scaling, "tie_word_embeddings": config.tied,
        "attention_bias": config.attention_bias, "mlp_bias": config.mlp_bias,
        "bos_token_id": config.bos_id, "eos_token_id": config.eos_ids,
    })
}

/// Returns a model of a few kilobytes. Its sizes differ from each other, so that a test notices if two are
/// swapped.
pub fn tiny_config() -> ModelConfig {
    ModelConfig {
        name: Some("tiny".to_owned()),
        vocab_size: 14,
        hidden_size: 32,
        n_layers: 2,
        n_heads: 4,
        n_kv_heads: 2,
        head_dim: 6,
        ffn_size: 20,
        context_length: 64,
        rms_eps: 1e-5,
        rope: RopeConfig {
            theta: 10_000.0,
            scaling: RopeScaling::None,
            layout: RopeLayout::Halves,
        },
        tied: true,
        attention_bias: false,
        mlp_bias: false,
        bos_id: Some(1),
        eos_ids: vec![2],
    }
}
