//! The model that the flags name: files on disk, or seeded random weights of a given shape.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use llamaglass_engine::bytes::{has_extension, model_files};
use llamaglass_engine::weights::{
    Checkpoint, ModelConfig, PRESETS, TensorType, config_from_json, preset,
};
use llamaglass_engine::{Engine, LoadOptions, LoadProgress, ModelSource};
use llamaglass_lab::StubLevel;
use llamaglass_runner::decorators::set_stub;

use crate::cli::{ModelArgs, RandomArgs};

/// A model that any thread can open.
#[derive(Clone, Debug)]
pub enum Model {
    /// Files of one GGUF or of a Hugging Face folder.
    Files(Vec<PathBuf>),
    /// Seeded random weights.
    Random {
        /// Shape as given on the command line.
        shape: String,
        /// Resolved configuration.
        config: Box<ModelConfig>,
        /// Data type of the matrices.
        tensor_type: TensorType,
        /// Seed of the weights.
        seed: u64,
    },
}

impl Model {
    /// Returns the model that the flags name.
    pub fn from_args(args: &ModelArgs) -> Result<Self> {
        match (&args.model, Self::random(&args.random)?) {
            (_, Some(random)) => Ok(random),
            (Some(path), None) => Self::at(path),
            (None, None) => bail!("no model was given"),
        }
    }

    /// Returns the random weights that the flags name, if they do.
    pub fn random(args: &RandomArgs) -> Result<Option<Self>> {
        let Some(shape) = &args.random_weights else {
            if args.quant.is_some() || args.seed_weights.is_some() {
                bail!("--quant and --seed-weights need --random-weights SHAPE");
            }
            return Ok(None);
        };
        Ok(Some(Self::Random {
            shape: shape.clone(),
            config: Box::new(shape_config(shape)?),
            tensor_type: args.quant.unwrap_or(TensorType::Q8_0),
            seed: args.seed_weights.unwrap_or(0),
        }))
    }

    /// Returns the model in a file or folder.
    pub fn at(path: &Path) -> Result<Self> {
        Ok(Self::Files(model_files(path)?))
    }

    /// Returns a name for a model whose files contain none.
    pub fn label(&self) -> String {
        match self {
            Self::Files(files) => {
                let gguf = files.iter().find(|file| has_extension(file, "gguf"));
                let named = gguf
                    .map(PathBuf::as_path)
                    .or_else(|| files.first().map(|f| parent(f)));
                let absolute = named.and_then(|path| std::path::absolute(path).ok());
                let name = absolute.as_deref().and_then(Path::file_name);
                name.map_or_else(
                    || "model".into(),
                    |name| name.to_string_lossy().into_owned(),
                )
            }
            Self::Random { shape, .. } => format!("random {}", file_name(Path::new(shape))),
        }
    }

    /// Reads headers, tokenizer and configuration, but no weights.
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        Ok(pollster::block_on(self.source().checkpoint())?)
    }

    /// Loads the model, warm-up included, and cuts its steps short at `stub`; blocks.
    pub fn load(
        &self,
        options: &LoadOptions,
        stub: StubLevel,
        progress: &mut dyn FnMut(LoadProgress),
    ) -> Result<Engine> {
        let mut source = self.source();
        if stub == StubLevel::RandomWeights {
            source = source.with_random_weights(0);
        }
        let engine = Engine::open_with_progress(source, options, progress);
        let mut engine = pollster::block_on(engine)?;
        set_stub(&mut engine, stub, stub)?;
        Ok(engine)
    }

    fn source(&self) -> ModelSource {
        match self {
            Self::Files(files) => files.clone().into(),
            Self::Random {
                config,
                tensor_type,
                seed,
                ..
            } => ModelSource::random((**config).clone(), *tensor_type, *seed),
        }
    }
}

/// Returns the configuration of a preset, or that in a `config.json`.
fn shape_config(shape: &str) -> Result<ModelConfig> {
    if let Some(config) = preset(shape) {
        return Ok(config);
    }
    let path = Path::new(shape);
    let path = if path.is_dir() {
        path.join("config.json")
    } else {
        path.to_owned()
    };
    if !path.is_file() {
        bail!(
            "unknown shape {shape:?}; expected a config.json or one of: {}",
            PRESETS.join(", ")
        );
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
    let json = serde_json::from_str(&text).with_context(|| format!("{}", path.display()))?;
    config_from_json(&json).with_context(|| format!("{}", path.display()))
}

/// Returns the folder that contains a file.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Returns the last component of a path.
pub fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}
