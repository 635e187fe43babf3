//! A model's weights: a GGUF file, the files of a Hugging Face folder, or seeded random values.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config_check::check_config;
use super::detect::{ModelFiles, detect};
use super::gguf::{Gguf, check_architecture, config as gguf_config, tokenizer as gguf_tokenizer};
use super::hugging_face::{Folder, tensors as safetensors};
use super::table::{DeclaredFlags, Table, TensorInfo};
use super::{
    ModelConfig, RopeScaling, TensorName, TensorType, TokenizerData, WeightsError, random,
};
use crate::bytes::ByteSource;

/// Source of a model's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Format {
    /// One GGUF file.
    Gguf {
        /// Version of the format, 2 or 3.
        version: u32,
    },
    /// A Hugging Face folder.
    Safetensors,
    /// Seeded random values.
    Random,
}

impl Format {
    /// Returns the name without a version.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gguf { .. } => "GGUF",
            Self::Safetensors => "safetensors",
            Self::Random => "random weights",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gguf { version } => write!(f, "GGUF v{version}"),
            _ => f.write_str(self.name()),
        }
    }
}

/// An opened model: everything but the tensors' bytes, which are read one tensor at a time.
pub struct Checkpoint {
    files: Vec<Box<dyn ByteSource>>,
    seed: u64,
    format: Format,
    config: ModelConfig,
    tokenizer: TokenizerData,
    metadata: Vec<(String, String)>,
    table: Table,
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<&str> = self.files.iter().map(|file| file.name()).collect();
        f.debug_struct("Checkpoint")
            .field("files", &files)
            .field("format", &self.format)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Checkpoint {
    /// Opens a GGUF file, or the files of a Hugging Face folder in any order. Files that belong to neither are
    /// ignored. Only headers and small files are read.
    ///
    /// # Errors
    /// Any error in the files. An architecture other than Llama is rejected
    /// before its tensors are read.
    pub async fn open(files: Vec<Box<dyn ByteSource>>) -> Result<Self, WeightsError> {
        match detect(&files).await? {
            ModelFiles::Gguf(index) => Self::open_gguf(files, index).await,
            ModelFiles::Folder => Self::open_folder(files).await,
        }
    }

    /// Creates a model of this shape with random weights, which are the same for the same seed on every
    /// machine.
    ///
    /// Matrices are approximately normal with standard deviation 0.02. They are stored in `tensor_type`, or,
    /// where their rows are not a multiple of its block length, in the type that llama.cpp would use instead.
    /// Norms are near 1. Norms and biases are F32.
    ///
    /// # Errors
    /// [`WeightsError::Config`] if the shape is invalid.
    pub fn random(
        config: ModelConfig,
        tensor_type: TensorType,
        seed: u64,
    ) -> Result<Self, WeightsError> {
        check_config(&config, random::FILE)?;
        Ok(Self {
            files: Vec::new(),
            seed,
            format: Format::Random,
            tokenizer: TokenizerData::Bytes {
                vocab_size: config.vocab_size,
            },
            metadata: vec![
                ("seed".to_owned(), seed.to_string()),
                ("type".to_owned(), tensor_type.to_string()),
            ],
            table: random::table(&config, tensor_type)?,
            config,
        })
    }

    async fn open_gguf(
        files: Vec<Box<dyn ByteSource>>,
        index: usize,
    ) -> Result<Self, WeightsError> {
        let source = files[index].as_ref();
        let file = source.name();
        if source.is_empty() {
            let file = file.to_owned();
            return Err(WeightsError::Empty { file });
        }
        let mut gguf = Gguf::open(source).await?;
        check_architecture(&gguf.metadata)?;
        // Copied first, because the tokenizer moves its strings out of the metadata.
        let pairs = gguf.metadata.entries().iter();
        let metadata = pairs
            .map(|(key, value)| (key.clone(), value.to_string()))
            .collect();
        let tokenizer = gguf_tokenizer(&mut gguf.metadata)?;
        let mut config = gguf_config(&gguf.metadata, tokenizer.tokens.len())?;
        check_config(&config, file)?;
        let mut table = Table::default();
        for stored in gguf.tensors().await? {
            let name = known(TensorName::from_gguf(&stored.name), file, &stored.name)?;
            table.insert(file, TensorInfo::new(name, index, stored))?;
        }
        // An embedding may be padded to more rows than the vocabulary has tokens.
        if let Some([rows, _]) = table
            .get(TensorName::TokenEmbedding)
            .map(|tensor| tensor.shape.as_slice())
        {
            config.vocab_size = config.vocab_size.max(*rows);
        }
        table.check(
            &mut config,
            DeclaredFlags::default(),
            file,
            TensorName::gguf,
        )?;
        let version = gguf.version;
        let mut checkpoint = Self {
            files,
            seed: 0,
            format: Format::Gguf { version },
            config,
            tokenizer: TokenizerData::Gguf(Box::new(tokenizer)),
            metadata,
            table,
        };
        checkpoint.apply_rope_freqs(index).await?;
        Ok(checkpoint)
    }

    /// Applies `rope_freqs.weight`. llama.cpp divides by these factors and also by a linear factor, if the file
    /// has both.
    async fn apply_rope_freqs(&mut self, index: usize) -> Result<(), WeightsError> {
        if self.tensor(TensorName::RopeFreqs).is_none() {
            return Ok(());
        }
        let mut factors = self.read_f32(TensorName::RopeFreqs).await?;
        if let RopeScaling::Linear { factor } = self.config.rope.scaling {
            factors.iter_mut().for_each(|x| *x *= factor);
        }
        self.config.rope.scaling = RopeScaling::Factors(factors);
        check_config(&self.config, self.files[index].name())
    }

    async fn open_folder(files: Vec<Box<dyn ByteSource>>) -> Result<Self, WeightsError> {
        let folder = Folder::new(&files)?;
        let raw = folder.config().await?;
        let mut config = super::config_from_json(&raw)?;
        let tokenizer = folder.tokenizer().await?;
        add_eos_ids(&mut config, &tokenizer);
        let mut table = Table::default();
        let shards = folder.shards().await?;
        for shard in &shards {
            let source = files[shard.file].as_ref();
            let file = source.name();
            let stored = safetensors(source, is_ignored).await?;
            for indexed_tensors in &shard.indexed_tensors {
                if !is_ignored(indexed_tensors)
                    && !stored.iter().any(|stored| stored.name == *indexed_tensors)
                {
                    return Err(WeightsError::MissingTensor {
                        file: file.to_owned(),
                        tensor: indexed_tensors.clone(),
                        why: "the index lists it in this file".to_owned(),
                    });
                }
            }
            for stored in stored {
                let name = TensorName::from_hugging_face(&stored.name);
                let name = known(name, file, &stored.name)?;
                table.insert(file, TensorInfo::new(name, shard.file, stored))?;
            }
        }
        let flag = |key: &str| raw.get(key).and_then(Value::as_bool);
        let declared = DeclaredFlags {
            tied: flag("tie_word_embeddings"),
            attention_bias: flag("attention_bias"),
            mlp_bias: flag("mlp_bias"),
        };
        let file = match shards.as_slice() {
            [single] => files[single.file].name().to_owned(),
            several => format!("{} safetensors files", several.len()),
        };
        table.check(&mut config, declared, &file, TensorName::hugging_face)?;
        Ok(Self {
            files,
            seed: 0,
            format: Format::Safetensors,
            config,
            tokenizer,
            metadata: pairs(&raw),
            table,
        })
    }

    /// Replaces the weights with random ones of the same types and shapes. No tensor is read from the files.
    #[must_use]
    pub fn with_random_weights(self, seed: u64) -> Self {
        Self {
            seed,
            format: Format::Random,
            ..self
        }
    }

    /// The resolved configuration.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Returns the source of the weights.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The tokenizer's data, from which a tokenizer can be built.
    pub fn tokenizer(&self) -> &TokenizerData {
        &self.tokenizer
    }

    /// Keys and values of the GGUF metadata or of config.json, for display; a GGUF's long values are cut.
    pub fn metadata(&self) -> &[(String, String)] {
        &self.metadata
    }

    /// The tensors, in file order.
    pub fn tensors(&self) -> impl Iterator<Item = &TensorInfo> {
        self.table.all().iter()
    }

    /// Returns a tensor, if the model has it.
    pub fn tensor(&self, name: TensorName) -> Option<&TensorInfo> {
        self.table.get(name)
    }

    /// Returns the bytes of a tensor, as stored: a part of the file if it is in memory or mapped into it,
    /// otherwise a copy.
    ///
    /// # Errors
    /// [`WeightsError::NoSuchTensor`], or an error of the source.
    pub async fn read_raw(&self, name: TensorName) -> Result<Cow<'_, [u8]>, WeightsError> {
        let tensor = self.tensor(name);
        let tensor = tensor.ok_or_else(|| WeightsError::NoSuchTensor(name.gguf()))?;
        if self.format == Format::Random {
            return Ok(Cow::Owned(random::bytes(tensor, self.seed)?));
        }
        let file = &self.files[tensor.file];
        // Fails only on 32-bit machines.
        let bytes = usize::try_from(tensor.bytes).map_err(|_| WeightsError::Unsupported {
            file: file.name().to_owned(),
            what: format!(
                "tensor {} of {} bytes on this machine",
                tensor.stored_name, tensor.bytes
            ),
        })?;
        let mapped = file.mapped().and_then(|file| {
            let start = usize::try_from(tensor.offset).ok()?;
            file.get(start..start.checked_add(bytes)?)
        });
        Ok(match mapped {
            Some(bytes) => Cow::Borrowed(bytes),
            None => Cow::Owned(file.read(tensor.offset, bytes).await?),
        })
    }

    /// Reads the values of a tensor, row by row as stored. Rows of q and k are not reordered, see
    /// [`RopeLayout`](super::RopeLayout).
    pub async fn read_f32(&self, name: TensorName) -> Result<Vec<f32>, WeightsError> {
        let bytes = self.read_raw(name).await?;
        let tensor_type = self
            .tensor(name)
            .map_or(TensorType::F32, |tensor| tensor.tensor_type);
        let mut values =
            vec![0.0; bytes.len() / tensor_type.block_bytes() * tensor_type.block_len()];
        tensor_type.dequantize(&bytes, &mut values)?;
        Ok(values)
    }

    /// Size of all tensors as stored, in bytes.
    pub fn total_bytes(&self) -> u64 {
        self.tensors().map(|tensor| tensor.bytes).sum()
    }

    /// Number of trained parameters; a tied embedding counts once.
    pub fn parameters(&self) -> u64 {
        let trained = self
            .tensors()
            .filter(|tensor| tensor.name != TensorName::RopeFreqs);
        trained.map(TensorInfo::elements).sum()
    }
}

/// Returns `name`, or an error if no tensor is called `stored`.
fn known(name: Option<TensorName>, file: &str, stored: &str) -> Result<TensorName, WeightsError> {
    name.ok_or_else(|| WeightsError::UnknownTensor {
        file: file.to_owned(),
        tensor: stored.to_owned(),
    })
}

/// Returns true for tensors to ignore: old checkpoints store the rotary frequencies, which follow from the
/// configuration.
fn is_ignored(stored_name: &str) -> bool {
    stored_name.ends_with(".rotary_emb.inv_freq")
}

/// Adds the end-of-sequence ids of generation_config.json; some models list them only there.
fn add_eos_ids(config: &mut ModelConfig, tokenizer: &TokenizerData) {
    let TokenizerData::HuggingFace {
        generation_config: Some(generation),
        ..
    } = tokenizer
    else {
        return;
    };
    let ends = match generation.get("eos_token_id") {
        Some(Value::Array(ends)) => ends.as_slice(),
        Some(end) => std::slice::from_ref(end),
        None => &[],
    };
    let ends = ends
        .iter()
        .filter_map(|end| u32::try_from(end.as_u64()?).ok());
    for end in ends {
        if !config.eos_ids.contains(&end) {
            config.eos_ids.push(end);
        }
    }
}

/// Converts a JSON object to pairs for display.
fn pairs(value: &Value) -> Vec<(String, String)> {
    let object = value.as_object().into_iter().flatten();
    let pairs = object.map(|(key, value)| {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        (key.clone(), text)
    });
    pairs.collect()
}
