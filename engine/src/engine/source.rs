//! Sources of a model.

use std::path::{Path, PathBuf};

use super::EngineError;
use crate::bytes::{ByteSource, open_files, open_model};
use crate::weights::{Checkpoint, ModelConfig, TensorType};

/// Source of a model: files, or random weights.
pub struct ModelSource {
    origin: Origin,
    /// Seed of the weights that replace the model's own, if any do.
    random_weights: Option<u64>,
}

enum Origin {
    /// A GGUF file or a Hugging Face folder.
    Path(PathBuf),
    /// All files of a model.
    Paths(Vec<PathBuf>),
    Files(Vec<Box<dyn ByteSource>>),
    Random {
        config: Box<ModelConfig>,
        tensor_type: TensorType,
        seed: u64,
    },
    Checkpoint(Box<Checkpoint>),
}

impl ModelSource {
    /// Seeded random weights in the shape of `config`, with matrices of `tensor_type`.
    pub fn random(config: ModelConfig, tensor_type: TensorType, seed: u64) -> Self {
        Self::new(Origin::Random {
            config: Box::new(config),
            tensor_type,
            seed,
        })
    }

    /// Replaces the model's weights with seeded random ones of the same types and shapes. Its tokenizer
    /// stays.
    #[must_use]
    pub fn with_random_weights(self, seed: u64) -> Self {
        Self {
            random_weights: Some(seed),
            ..self
        }
    }

    const fn new(origin: Origin) -> Self {
        Self {
            origin,
            random_weights: None,
        }
    }

    /// Reads headers, tokenizer and configuration, but no weights.
    ///
    /// # Errors
    /// If the files can't be read or are no model.
    pub async fn checkpoint(self) -> Result<Checkpoint, EngineError> {
        let checkpoint = match self.origin {
            Origin::Path(path) => Checkpoint::open(open_model(&path)?).await?,
            Origin::Paths(paths) => Checkpoint::open(open_files(&paths)?).await?,
            Origin::Files(files) => Checkpoint::open(files).await?,
            Origin::Random {
                config,
                tensor_type,
                seed,
            } => Checkpoint::random(*config, tensor_type, seed)?,
            Origin::Checkpoint(checkpoint) => *checkpoint,
        };
        Ok(match self.random_weights {
            Some(seed) => checkpoint.with_random_weights(seed),
            None => checkpoint,
        })
    }
}

impl From<&str> for ModelSource {
    fn from(path: &str) -> Self {
        Path::new(path).into()
    }
}

impl From<&Path> for ModelSource {
    fn from(path: &Path) -> Self {
        Self::new(Origin::Path(path.to_owned()))
    }
}

impl From<Vec<PathBuf>> for ModelSource {
    fn from(paths: Vec<PathBuf>) -> Self {
        Self::new(Origin::Paths(paths))
    }
}

impl From<Vec<Box<dyn ByteSource>>> for ModelSource {
    fn from(files: Vec<Box<dyn ByteSource>>) -> Self {
        Self::new(Origin::Files(files))
    }
}

impl From<Checkpoint> for ModelSource {
    fn from(checkpoint: Checkpoint) -> Self {
        Self::new(Origin::Checkpoint(Box::new(checkpoint)))
    }
}
