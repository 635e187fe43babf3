//! Parses the files of a reference folder and finds those that belong to a model.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::ParityError;
use super::report::Kind;
use llamaglass_engine::tokenizer::Message;

/// A file of the model, used to find the reference that was made from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFile {
    /// File name without folders.
    pub name: String,
    /// SHA-256 in lower-case hex, if the caller has computed it.
    pub sha256: Option<String>,
}

/// Reference results for one model.
#[derive(Clone, Debug, Default)]
pub struct Reference {
    pub(super) tokenizer: Option<Cases<TokenizerCase>>,
    pub(super) chat: Option<ChatFile>,
    pub(super) quant_blocks: Option<Cases<BlockCase>>,
    pub(super) logits: Option<LogitsFile>,
    pub(super) greedy: Option<Cases<GreedyCase>>,
    pub(super) perplexity: Option<Cases<PerplexityCase>>,
    notes: Vec<String>,
}

impl Reference {
    /// Parses the files that belong to `model`.
    ///
    /// `files` are all files of the folder with their paths relative to it. A file in a sub-folder (such as
    /// `Q4_0/greedy.json`, the layout in which one folder serves several GGUFs) belongs to a model whose
    /// SHA-256 is in the file's `meta`, or whose file name ends in the sub-folder's name. It takes precedence
    /// over a file of the same name in the folder itself.
    ///
    /// # Errors
    /// [`ParityError`] if a file is malformed or no file belongs to the model.
    pub fn from_files(
        files: Vec<(String, Vec<u8>)>,
        model: &[ModelFile],
    ) -> Result<Self, ParityError> {
        let files = parse_all(files)?;
        let folder = own_folder(&files, model);
        let mut reference = Self::default();
        let find = |kind: Kind| {
            let own = folder.map(|folder| format!("{folder}/{}", kind.file()));
            let own = own.and_then(|path| files.iter().find(|file| file.path == path));
            own.or_else(|| files.iter().find(|file| file.path == kind.file()))
        };
        reference.tokenizer = take(find(Kind::Tokenizer))?;
        reference.chat = take(find(Kind::Chat))?;
        reference.quant_blocks = take(find(Kind::QuantBlocks))?;
        reference.logits = take(find(Kind::Logits))?;
        reference.greedy = take(find(Kind::Greedy))?;
        reference.perplexity = take(find(Kind::Perplexity))?;
        // One note is enough, since all files of a folder were made from one model.
        let made = [
            Kind::Logits,
            Kind::Greedy,
            Kind::QuantBlocks,
            Kind::Perplexity,
        ];
        let mut made = made.into_iter().filter_map(find);
        let other = made.find_map(|file| other_file(file, model));
        reference.notes.extend(other);
        let others: Vec<&str> = files.iter().filter_map(ParsedFile::folder).collect();
        if folder.is_none() && !others.is_empty() {
            let mut others = others;
            others.dedup();
            reference.notes.push(format!(
                "no sub-folder belongs to this model (there are: {})",
                others.join(", ")
            ));
        }
        let present = Kind::ALL.into_iter().any(|kind| reference.has(kind));
        present
            .then_some(reference)
            .ok_or_else(|| ParityError::NoCases {
                looked_for: Kind::ALL.map(Kind::file).join(", "),
            })
    }

    /// Returns true if there is a file for `kind`.
    pub fn has(&self, kind: Kind) -> bool {
        match kind {
            Kind::Tokenizer => self.tokenizer.is_some(),
            Kind::Chat => self.chat.is_some(),
            Kind::QuantBlocks => self.quant_blocks.is_some(),
            Kind::Logits => self.logits.is_some(),
            Kind::Greedy | Kind::Generate => self.greedy.is_some(),
            Kind::Perplexity => self.perplexity.is_some(),
        }
    }

    /// Remarks for the report's reader that belong to no case.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Length in ids of the longest sequence that the cases of `kinds` run through the model.
    pub fn longest(&self, kinds: &[Kind]) -> usize {
        let lengths = |kind: &Kind| match kind {
            Kind::Logits => longest(self.logits.iter().flat_map(|f| &f.cases), |c| c.ids.len()),
            Kind::Greedy | Kind::Generate => {
                longest(self.greedy.iter().flat_map(|f| &f.cases), |c| {
                    c.prompt_ids.len() + c.ids.len()
                })
            }
            Kind::Perplexity => longest(self.perplexity.iter().flat_map(|f| &f.cases), |c| {
                longest(c.windows.iter(), |w| w.len)
            }),
            Kind::Tokenizer | Kind::Chat | Kind::QuantBlocks => 0,
        };
        kinds.iter().map(lengths).max().unwrap_or(0)
    }
}

fn longest<T>(items: impl Iterator<Item = T>, len: impl Fn(T) -> usize) -> usize {
    items.map(len).max().unwrap_or(0)
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Cases<T> {
    pub cases: Vec<T>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct TokenizerCase {
    pub text: String,
    pub ids: Vec<u32>,
    pub ids_special_as_text: Option<Vec<u32>>,
    pub ids_with_bos: Option<Vec<u32>>,
    pub pieces_hex: Option<Vec<String>>,
    pub decoded: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ChatFile {
    pub cases: Vec<ChatCase>,
    #[serde(default)]
    pub must_fail: Vec<MustFailCase>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ChatCase {
    pub name: String,
    pub messages: Vec<Message>,
    #[serde(default = "yes")]
    pub add_generation_prompt: bool,
    pub rendered: String,
    pub ids: Vec<u32>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct MustFailCase {
    pub name: String,
    pub messages: Vec<Message>,
    #[serde(default = "yes")]
    pub add_generation_prompt: bool,
    pub message: String,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct BlockCase {
    pub tensor: String,
    #[serde(rename = "type")]
    pub tensor_type: String,
    pub block: u64,
    pub raw_hex: String,
    pub values: Vec<f32>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct LogitsFile {
    pub indices: Vec<usize>,
    pub cases: Vec<LogitsCase>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct LogitsCase {
    pub name: String,
    pub ids: Vec<u32>,
    pub top_ids: Vec<usize>,
    pub top_logits: Vec<f64>,
    pub at_indices: Vec<f64>,
    pub logsumexp: f64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct GreedyCase {
    pub name: String,
    pub messages: Option<Vec<Message>>,
    pub text: Option<String>,
    pub prompt_ids: Vec<u32>,
    pub ids: Vec<u32>,
    pub first_eos: Option<usize>,
    pub top1_logit: Vec<f64>,
    pub margin: Vec<f64>,
    pub second_id: Vec<u32>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct PerplexityCase {
    pub name: String,
    pub ids: Vec<u32>,
    pub windows: Vec<Window>,
    pub nll_mean: f64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Window {
    pub start: usize,
    pub len: usize,
    pub nll_mean: f64,
}

/// A JSON file of the format, before the structure of its kind is parsed.
struct ParsedFile {
    path: String,
    value: serde_json::Value,
}

impl ParsedFile {
    fn folder(&self) -> Option<&str> {
        self.path.rsplit_once('/').map(|(folder, _)| folder)
    }

    /// Returns name and SHA-256 of each file that this one was made from; a GGUF's name is unknown.
    fn sums(&self) -> Vec<(Option<&str>, &str)> {
        let meta = &self.value["meta"];
        let gguf = meta["gguf_sha256"].as_str().map(|sum| (None, sum));
        let files = meta["files_sha256"].as_object().into_iter().flatten();
        let files = files.filter_map(|(name, sum)| Some((Some(name.as_str()), sum.as_str()?)));
        gguf.into_iter().chain(files).collect()
    }
}

/// Parses the files of the format; skips others (notes, scripts, cross-checks).
fn parse_all(files: Vec<(String, Vec<u8>)>) -> Result<Vec<ParsedFile>, ParityError> {
    let wanted = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        Kind::ALL.into_iter().any(|kind| kind.file() == name)
    };
    let mut parsed = Vec::new();
    for (path, bytes) in files {
        let path = path.replace('\\', "/");
        if !wanted(&path) {
            continue;
        }
        let value = serde_json::from_slice(&bytes).map_err(|error| ParityError::Malformed {
            file: path.clone(),
            message: error.to_string(),
        })?;
        parsed.push(ParsedFile { path, value });
    }
    parsed.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(parsed)
}

fn take<T: DeserializeOwned>(file: Option<&ParsedFile>) -> Result<Option<T>, ParityError> {
    let parse = |file: &ParsedFile| {
        T::deserialize(&file.value).map_err(|error| ParityError::Malformed {
            file: file.path.clone(),
            message: error.to_string(),
        })
    };
    file.map(parse).transpose()
}

/// Finds the sub-folder that was made for the model: by SHA-256, otherwise the longest sub-folder name in which
/// the model file's stem ends.
fn own_folder<'a>(files: &'a [ParsedFile], model: &[ModelFile]) -> Option<&'a str> {
    let sums: Vec<&str> = model
        .iter()
        .filter_map(|file| file.sha256.as_deref())
        .collect();
    let by_sum = files.iter().find_map(|file| {
        let folder = file.folder()?;
        let made_from = file.sums();
        made_from
            .iter()
            .any(|(_, sum)| sums.contains(sum))
            .then_some(folder)
    });
    let ends_in = |folder: &&str| {
        let last = folder.rsplit('/').next().unwrap_or(folder).to_lowercase();
        model.iter().any(|file| {
            let name = file.name.to_lowercase();
            let stem = name.strip_suffix(".gguf").unwrap_or(&name);
            let rest = stem.strip_suffix(&last);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with(['.', '-', '_']))
        })
    };
    by_sum.or_else(|| {
        let folders = files.iter().filter_map(ParsedFile::folder).filter(ends_in);
        folders.max_by_key(|folder| folder.len())
    })
}

/// Returns a note if the reference was made from other files than the model's.
fn other_file(file: &ParsedFile, model: &[ModelFile]) -> Option<String> {
    let made_from = file.sums();
    let differs = |ours: &&ModelFile| {
        let Some(sum) = ours.sha256.as_deref() else {
            return false;
        };
        let same_name = |(name, _): &&(Option<&str>, &str)| name.is_none_or(|n| n == ours.name);
        let mut theirs = made_from.iter().filter(same_name).peekable();
        theirs.peek().is_some() && !theirs.any(|(_, theirs)| *theirs == sum)
    };
    let ours = model.iter().find(differs)?;
    Some(format!(
        "{} was made from another file than {} (its SHA-256 differs)",
        file.path, ours.name
    ))
}

#[cfg(test)]
mod tests;
