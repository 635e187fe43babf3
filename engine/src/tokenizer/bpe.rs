//! A byte-pair encoding model, validated before it reaches the `tokenizers` crate.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer, de};
use tokenizers::models::bpe::{BPE, Vocab};

use super::model::SharedModel;

/// The `model` of a tokenizer.json.
#[derive(Deserialize)]
struct ModelJson {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    vocab: HashMap<String, u32>,
    #[serde(default)]
    merges: Vec<Merge>,
    dropout: Option<f32>,
    unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    fuse_unk: bool,
    #[serde(default)]
    byte_fallback: bool,
    #[serde(default)]
    ignore_merges: bool,
}

/// A merge: a pair in newer files, "left right" in older ones.
#[derive(Deserialize)]
#[serde(untagged)]
enum Merge {
    Pair(String, String),
    Line(String),
}

impl<'de> Deserialize<'de> for SharedModel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ModelJson::deserialize(deserializer)?
            .build()
            .map(Self::from)
            .map_err(de::Error::custom)
    }
}

impl ModelJson {
    fn build(self) -> Result<BPE, String> {
        if let Some(kind) = self.kind.as_deref().filter(|kind| *kind != "BPE") {
            return Err(format!("the model is {kind:?}; only BPE is supported"));
        }
        if self
            .continuing_subword_prefix
            .as_deref()
            .is_some_and(|prefix| !prefix.is_empty())
        {
            return Err("a continuing_subword_prefix is not supported".into());
        }
        if self.dropout.is_some_and(|dropout| dropout != 0.0) {
            return Err("dropout is not supported, because it makes encoding random".into());
        }
        let merges = self
            .merges
            .into_iter()
            .enumerate()
            .map(|(i, merge)| match merge {
                Merge::Pair(left, right) => Ok((left, right)),
                Merge::Line(line) => split_merge(&line)
                    .ok_or_else(|| format!("merge {i} is {line:?}, not two tokens")),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let unknown = self.unk_token;
        build(self.vocab, merges, |mut builder| {
            if let Some(unknown) = unknown {
                builder = builder.unk_token(unknown);
            }
            if let Some(suffix) = self.end_of_word_suffix.filter(|suffix| !suffix.is_empty()) {
                builder = builder.end_of_word_suffix(suffix);
            }
            builder
                .fuse_unk(self.fuse_unk)
                .byte_fallback(self.byte_fallback)
                .ignore_merges(self.ignore_merges)
        })
    }
}

/// Splits a merge written as "left right" into its two tokens; the left one may begin with a space.
pub(super) fn split_merge(line: &str) -> Option<(String, String)> {
    let first = line.chars().next()?.len_utf8();
    let space = first + line[first..].find(' ')?;
    let (left, right) = (&line[..space], &line[space + 1..]);
    (!right.is_empty()).then(|| (left.to_owned(), right.to_owned()))
}

/// Builds a model after checking that the vocabulary has the tokens of every merge; the crate's builder panics on
/// merges longer than every token.
pub(super) fn build(
    vocab: HashMap<String, u32>,
    merges: Vec<(String, String)>,
    options: impl FnOnce(tokenizers::models::bpe::BpeBuilder) -> tokenizers::models::bpe::BpeBuilder,
) -> Result<BPE, String> {
    let mut merged = String::new();
    for (i, (left, right)) in merges.iter().enumerate() {
        merged.clear();
        merged.push_str(left);
        merged.push_str(right);
        if let Some(missing) = [left, right, &merged]
            .into_iter()
            .find(|token| !vocab.contains_key(*token))
        {
            return Err(format!(
                "merge {i} ({left:?} with {right:?}) needs {missing:?}, which is not a token"
            ));
        }
    }
    let builder = BPE::builder().vocab_and_merges(vocab.into_iter().collect::<Vocab>(), merges);
    options(builder).build().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(json: &str) -> Result<SharedModel, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn merge_line_splits_at_first_space_after_first_character() {
        let pair = |left: &str, right: &str| Some((left.to_owned(), right.to_owned()));
        assert_eq!(split_merge("a b"), pair("a", "b"));
        assert_eq!(split_merge("  b"), pair(" ", "b"));
        assert_eq!(split_merge("é è"), pair("é", "è"));
        for line in ["", "a", "ab", "a ", " "] {
            assert_eq!(split_merge(line), None, "{line:?}");
        }
    }

    #[test]
    fn unusable_models_are_rejected() {
        let error = model(r#"{"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": ["a b"]}"#);
        assert!(error.expect_err("ab is not a token").contains("\"ab\""));
        let error =
            model(r###"{"vocab": {"a": 0}, "merges": [], "continuing_subword_prefix": "##"}"###);
        assert!(error.is_err());
        let error = model(r#"{"type": "Unigram", "vocab": [["a", 0.5]]}"#);
        assert!(error.is_err());
        let error = model(r#"{"type": "WordPiece", "vocab": {"a": 0}}"#).expect_err("WordPiece");
        assert!(error.contains("WordPiece"), "{error}");
    }
}
