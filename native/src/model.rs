//! Which model was asked for: files on disk, or seeded random weights of a shape.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use llamaglass_engine::bytes::{ByteSource, FileSource};
use llamaglass_engine::weights::{Checkpoint, ModelConfig, PRESETS, TensorType, preset};
use llamaglass_engine::{Engine, LoadOptions, LoadProgress};

use crate::cli::{ModelArgs, RandomArgs};

/// A model that can be opened, from any thread.
#[derive(Clone, Debug)]
pub enum Model {
    /// Files of one GGUF or of a Hugging Face folder.
    Files(Vec<PathBuf>),
    /// Seeded random weights.
    Random {
        /// As it was asked for.
        shape: String,
        /// Its resolved configuration.
        config: Box<ModelConfig>,
        /// Type of the matrices.
        tensor_type: TensorType,
        /// Seed of the weights.
        seed: u64,
    },
}

impl Model {
    /// The model that the flags name.
    pub fn from_args(args: &ModelArgs) -> Result<Self> {
        match (&args.model, Self::random(&args.random)?) {
            (_, Some(random)) => Ok(random),
            (Some(path), None) => Self::at(path),
            (None, None) => bail!("no model was given"),
        }
    }

    /// The random weights that the flags name, if they do.
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

    /// The model in a file or folder.
    pub fn at(path: &Path) -> Result<Self> {
        let kind = std::fs::metadata(path).with_context(|| format!("{}", path.display()))?;
        if kind.is_dir() {
            return folder(path).map(Self::Files);
        }
        if has_extension(path, "safetensors") {
            let mut files = companions(parent(path))?;
            files.push(path.to_owned());
            return Ok(Self::Files(files));
        }
        Ok(Self::Files(vec![path.to_owned()]))
    }

    /// What to call it where the model itself has no name.
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
        Ok(match self {
            Self::Files(files) => pollster::block_on(Checkpoint::open(sources(files)?))?,
            Self::Random {
                config,
                tensor_type,
                seed,
                ..
            } => Checkpoint::random((**config).clone(), *tensor_type, *seed)?,
        })
    }

    /// Loads it, warm-up included; blocks.
    pub fn load(
        &self,
        options: &LoadOptions,
        progress: &mut dyn FnMut(LoadProgress),
    ) -> Result<Engine> {
        Ok(match self {
            Self::Files(files) => {
                pollster::block_on(Engine::load(sources(files)?, options, progress))?
            }
            Self::Random { .. } => {
                let checkpoint = self.checkpoint()?;
                pollster::block_on(Engine::from_checkpoint(checkpoint, options, progress))?
            }
        })
    }
}

fn sources(files: &[PathBuf]) -> Result<Vec<Box<dyn ByteSource>>> {
    let open = |path: &PathBuf| {
        let source = FileSource::open(path).with_context(|| format!("{}", path.display()))?;
        Ok(Box::new(source) as Box<dyn ByteSource>)
    };
    files.iter().map(open).collect()
}

/// A preset's configuration, or that of a config.json.
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
            "{shape:?} is no known shape ({}) and no config.json",
            PRESETS.join(", ")
        );
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
    let json = serde_json::from_str(&text).with_context(|| format!("{}", path.display()))?;
    ModelConfig::from_hf_config(&json).with_context(|| format!("{}", path.display()))
}

/// The files of a Hugging Face folder; or its only GGUF.
fn folder(path: &Path) -> Result<Vec<PathBuf>> {
    let names = |extension: &str| -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        let entries = std::fs::read_dir(path).with_context(|| format!("{}", path.display()))?;
        for entry in entries {
            let file = entry?.path();
            if has_extension(&file, extension) && file.is_file() {
                files.push(file);
            }
        }
        files.sort();
        Ok(files)
    };
    let tensors = names("safetensors")?;
    if !tensors.is_empty() {
        let mut files = companions(path)?;
        files.extend(tensors);
        return Ok(files);
    }
    let ggufs = names("gguf")?;
    match ggufs.as_slice() {
        [] => bail!(
            "{}: holds no model (no .gguf, no .safetensors)",
            path.display()
        ),
        [_] => Ok(ggufs),
        several => {
            let several: Vec<String> = several.iter().map(|file| file_name(file)).collect();
            bail!(
                "{}: holds several models, name one: {}",
                path.display(),
                several.join(", ")
            )
        }
    }
}

/// What lies beside the tensors in a Hugging Face folder.
fn companions(folder: &Path) -> Result<Vec<PathBuf>> {
    const NAMES: [&str; 6] = [
        "config.json",
        "generation_config.json",
        "model.safetensors.index.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
    ];
    Ok(NAMES
        .iter()
        .map(|name| folder.join(name))
        .filter(|path| path.is_file())
        .collect())
}

/// The folder that a file lies in.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A path's last part.
pub fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Whether `path` ends in `.extension`, in any case.
pub fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension()
        .is_some_and(|found| found.eq_ignore_ascii_case(extension))
}
