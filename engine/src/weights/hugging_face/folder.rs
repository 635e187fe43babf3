//! Finds the files of a Hugging Face folder by name.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::json::{Keys, strict};
use crate::bytes::ByteSource;
use crate::weights::detect::base_name;
use crate::weights::{TokenizerData, WeightsError};

const INDEX: &str = "model.safetensors.index.json";

/// Maximum size of a companion file in bytes, since companions are read whole. The largest known tokenizer.json
/// has some 30 MB.
const MAX_COMPANION_BYTES: u64 = 256 << 20;

/// The files of a folder by name. If two files have the same name, the one closer to the top is used, since
/// repositories have copies in subfolders.
pub(in crate::weights) struct Folder<'a> {
    files: &'a [Box<dyn ByteSource>],
    by_name: HashMap<&'a str, usize>,
}

/// A file with tensors.
pub(in crate::weights) struct Shard {
    /// Index into the given files.
    pub(in crate::weights) file: usize,
    /// Names of the tensors that the index assigns to this file; empty without an index.
    pub(in crate::weights) indexed_tensors: Vec<String>,
}

impl<'a> Folder<'a> {
    pub(in crate::weights) fn new(files: &'a [Box<dyn ByteSource>]) -> Result<Self, WeightsError> {
        let depth = |index: usize| files[index].name().matches(['/', '\\']).count();
        let mut by_name: HashMap<&str, usize> = HashMap::new();
        let mut order: Vec<usize> = (0..files.len()).collect();
        order.sort_by_key(|&index| depth(index));
        for index in order {
            let name = base_name(files[index].name());
            let known = *by_name.entry(name).or_insert(index);
            if known != index && depth(known) == depth(index) && is_model_file(name) {
                let names = [files[known].name(), files[index].name()];
                return Err(WeightsError::Ambiguous(names.join(", ")));
            }
        }
        Ok(Self { files, by_name })
    }

    /// Reads a whole file, if it exists.
    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, WeightsError> {
        let Some(&index) = self.by_name.get(name) else {
            return Ok(None);
        };
        let file = &self.files[index];
        if file.is_empty() {
            let file = file.name().to_owned();
            return Err(WeightsError::Empty { file });
        }
        if file.len() > MAX_COMPANION_BYTES {
            return Err(WeightsError::Unsupported {
                file: file.name().to_owned(),
                what: format!("a {name} of {} bytes", file.len()),
            });
        }
        Ok(Some(file.read(0, file.len() as usize).await?))
    }

    /// Reads a JSON file, if it exists.
    pub(in crate::weights) async fn json(&self, name: &str) -> Result<Option<Value>, WeightsError> {
        let bytes = self.read(name).await?;
        bytes.map(|bytes| strict(name, &bytes)).transpose()
    }

    /// Reads config.json.
    pub(in crate::weights) async fn config(&self) -> Result<Value, WeightsError> {
        self.json("config.json")
            .await?
            .ok_or_else(|| WeightsError::MissingFile {
                file: "config.json".to_owned(),
                why: "it describes the model's shape".to_owned(),
            })
    }

    /// Reads all files of the tokenizer.
    pub(in crate::weights) async fn tokenizer(&self) -> Result<TokenizerData, WeightsError> {
        let Some(tokenizer_json) = self.read("tokenizer.json").await? else {
            let found = match self.by_name.contains_key("tokenizer.model") {
                true => "; tokenizer.model alone is not enough",
                false => "",
            };
            return Err(WeightsError::MissingTokenizer {
                file: "tokenizer.json".to_owned(),
                what: format!("the file is missing{found}"),
            });
        };
        let template = "chat_template.jinja";
        let chat_template = self.read(template).await?.map(|bytes| {
            String::from_utf8(bytes).map_err(|error| WeightsError::Corrupt {
                file: template.to_owned(),
                offset: error.utf8_error().valid_up_to() as u64,
                what: "not UTF-8".to_owned(),
            })
        });
        Ok(TokenizerData::HuggingFace {
            tokenizer_json,
            tokenizer_config: self.json("tokenizer_config.json").await?,
            chat_template: chat_template.transpose()?,
            generation_config: self.json("generation_config.json").await?,
        })
    }

    /// Returns the files with tensors: those of the index if there is one, else model.safetensors, else every
    /// safetensors file.
    pub(in crate::weights) async fn shards(&self) -> Result<Vec<Shard>, WeightsError> {
        if let Some(index) = self.json(INDEX).await? {
            return self.shards_from_index(&index);
        }
        let all = self
            .by_name
            .iter()
            .filter(|(name, _)| name.ends_with(".safetensors"));
        // Ordered by name, so that error messages are deterministic.
        let all: BTreeSet<(&str, usize)> = all.map(|(&name, &file)| (name, file)).collect();
        let single = all.iter().find(|(name, _)| *name == "model.safetensors");
        let chosen = match single {
            Some(&single) => BTreeSet::from([single]),
            None => all,
        };
        if chosen.is_empty() {
            let other = self
                .by_name
                .keys()
                .find(|name| name.ends_with(".bin") || name.ends_with(".pth"));
            return Err(WeightsError::MissingFile {
                file: "model.safetensors".to_owned(),
                why: match other {
                    Some(other) => format!("weights are read from safetensors, not from {other}"),
                    None => "the folder has no weights".to_owned(),
                },
            });
        }
        for (name, _) in &chosen {
            self.check_all_shards(name)?;
        }
        let shards = chosen.into_iter().map(|(_, file)| Shard {
            file,
            indexed_tensors: Vec::new(),
        });
        Ok(shards.collect())
    }

    /// Checks that all shards of a file such as model-00001-of-00003.safetensors exist.
    fn check_all_shards(&self, name: &str) -> Result<(), WeightsError> {
        let parts = name
            .strip_suffix(".safetensors")
            .and_then(|stem| stem.rsplit_once("-of-"));
        let parts = parts.and_then(|(stem, count)| Some((stem.rsplit_once('-')?.0, count)));
        let Some((stem, count)) = parts else {
            return Ok(());
        };
        for number in 1..=count.parse().unwrap_or(0).min(10_000) {
            let shard = format!(
                "{stem}-{number:0width$}-of-{count}.safetensors",
                width = count.len()
            );
            if !self.by_name.contains_key(shard.as_str()) {
                return Err(WeightsError::MissingFile {
                    file: shard,
                    why: format!("{name} is one of {count} files"),
                });
            }
        }
        Ok(())
    }

    fn shards_from_index(&self, index: &Value) -> Result<Vec<Shard>, WeightsError> {
        let keys = Keys::new(INDEX, index)?;
        let map = keys.typed("weight_map", "an object of file names", Value::as_object)?;
        let map = keys.required("weight_map", map)?;
        let mut shards: Vec<Shard> = Vec::new();
        let mut by_file: HashMap<usize, usize> = HashMap::new();
        for (tensor, name) in map {
            let name = name.as_str().ok_or_else(|| WeightsError::WrongType {
                file: INDEX.to_owned(),
                key: format!("weight_map.{tensor}"),
                expected: "a file name",
                found: name.to_string().chars().take(100).collect(),
            })?;
            let file = self
                .by_name
                .get(name)
                .ok_or_else(|| WeightsError::MissingFile {
                    file: name.to_owned(),
                    why: format!("{INDEX} lists it for {tensor}"),
                })?;
            let shard = *by_file.entry(*file).or_insert_with(|| {
                shards.push(Shard {
                    file: *file,
                    indexed_tensors: Vec::new(),
                });
                shards.len() - 1
            });
            shards[shard].indexed_tensors.push(tensor.clone());
        }
        Ok(shards)
    }
}

/// Returns true for names of files that belong to a model.
fn is_model_file(name: &str) -> bool {
    let companions = [
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "generation_config.json",
        "chat_template.jinja",
        INDEX,
    ];
    name.ends_with(".safetensors") || companions.contains(&name)
}
