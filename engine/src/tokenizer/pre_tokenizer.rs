//! The pre-tokenizers that a GGUF names (`tokenizer.ggml.pre`), as llama.cpp's `llama-vocab.cpp`
//! lists them: what each one splits on before any merge.

use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;

use super::error::TokenizerError;

/// What a pre-tokenizer's name implies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PreTokenizer {
    /// Each pattern cuts every piece that the one before it left.
    pub(super) patterns: &'static [&'static str],
    /// Whether a whole piece in the vocabulary is one id even if no merges lead to it.
    pub(super) ignore_merges: bool,
    /// Whether a BOS goes first where the file does not say.
    pub(super) add_bos: bool,
}

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// Llama 3's: contractions in any case, digits in threes.
const LLAMA3: &str = concat!(
    r"'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]",
    r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// Qwen 2's: as Llama 3's, every digit alone.
const QWEN2: &str = concat!(
    r"'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]",
    r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// Seed-Coder's: as Qwen 2's, punctuation ends before a line break.
const SEED_CODER: &str = concat!(
    r"'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]",
    r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// Mistral's tekken: words also end where capitals begin.
const TEKKEN: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// GPT-4o's and Llama 4's: tekken's with contractions and digits in threes.
const GPT4O: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?",
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// Han, and what DeepSeek's first models take together with it.
const DEEPSEEK_CJK: &str = r"[\x{4e00}-\x{9fa5}\x{0800}-\x{4e00}\x{ac00}-\x{d7ff}]+";

const VIKING: &str = r" ?[^(\s|.,!?…。，、।۔،)]+";

const DEEPSEEK_V3: &str = concat!(
    r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##,
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

const fn plain(patterns: &'static [&'static str]) -> PreTokenizer {
    PreTokenizer {
        patterns,
        ignore_merges: false,
        add_bos: false,
    }
}

impl PreTokenizer {
    /// The pre-tokenizer of a name; no name is llama.cpp's `default`.
    pub(super) fn by_name(name: Option<&str>) -> Result<Self, TokenizerError> {
        let name = name.filter(|name| !name.is_empty()).unwrap_or("default");
        Ok(match name {
            "default" => plain(&[r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"]),
            "llama3" | "llama-v3" | "llama-bpe" | "falcon3" | "falcon-h1" | "pixtral"
            | "midm-2.0" | "lfm2" => Self {
                ignore_merges: true,
                add_bos: true,
                ..plain(&[LLAMA3])
            },
            "dbrx" | "smaug-bpe" | "chatglm-bpe" | "glm4" => plain(&[LLAMA3]),
            "smollm" | "starcoder" | "refact" | "command-r" | "codeshell" | "exaone"
            | "minerva-7b" => plain(&[r"\p{N}", GPT2]),
            "gpt-2" | "phi-2" | "mpt" | "olmo" | "jais" | "exaone4" | "trillion" | "gigachat"
            | "mellum" | "a.x-4.0" | "modern-bert" | "granite-docling" => plain(&[GPT2]),
            "qwen2" | "stablelm2" | "deepseek-r1-qwen" | "megrez" | "hunyuan" | "kormo"
            | "solar-open" | "grok-2" => plain(&[QWEN2]),
            "seed-coder" => plain(&[SEED_CODER]),
            "tekken" => Self {
                ignore_merges: true,
                add_bos: true,
                ..plain(&[TEKKEN])
            },
            "gpt-4o" | "llama4" | "kanana2" => plain(&[GPT4O]),
            "falcon" => plain(&[r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]"]),
            "deepseek-coder" => plain(&[
                r"[\r\n]",
                r"\s?\p{L}+",
                r"\s?\p{P}+",
                DEEPSEEK_CJK,
                r"\p{N}",
            ]),
            "deepseek-v3" | "hunyuan-dense" => plain(&[
                r"\p{N}{1,3}",
                r"[\x{4e00}-\x{9fa5}\x{3040}-\x{309f}\x{30a0}-\x{30ff}]+",
                DEEPSEEK_V3,
            ]),
            "superbpe" => plain(&[r"\p{N}+", r"(?=(\d{3})+(?!\d))"]),
            "viking" => plain(&[VIKING, r"\p{N}"]),
            "poro-chat" | "bloom" | "gpt3-finnish" => plain(&[VIKING]),
            _ => {
                return Err(TokenizerError::Unsupported {
                    part: "pre-tokenizer",
                    name: name.to_owned(),
                    hint: "tokenizer.ggml.pre of the Llama family: llama-bpe, smollm, gpt-2, \
                           qwen2, tekken, gpt-4o, falcon, deepseek-coder, superbpe and others",
                });
            }
        })
    }

    /// The same for the `tokenizers` crate.
    pub(super) fn build(&self) -> Result<Sequence, TokenizerError> {
        let mut steps: Vec<PreTokenizerWrapper> = Vec::new();
        for pattern in self.patterns {
            let pattern = SplitPattern::Regex((*pattern).to_owned());
            let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false)
                .map_err(|error| TokenizerError::Encode(error.to_string()))?;
            steps.push(split.into());
        }
        steps.push(ByteLevel::new(false, true, false).into());
        Ok(Sequence::new(steps))
    }
}

#[cfg(test)]
mod tests {
    use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer as _};

    use super::*;

    /// The pieces of a text, split as `name` says.
    fn pieces(name: &str, text: &str) -> Vec<String> {
        let rules = PreTokenizer::by_name(Some(name)).expect("a known name");
        let mut string = PreTokenizedString::from(text);
        rules
            .build()
            .expect("patterns")
            .pre_tokenize(&mut string)
            .expect("a split");
        string
            .get_splits(OffsetReferential::Original, OffsetType::Byte)
            .iter()
            .map(|(_, (start, end), _)| text[*start..*end].to_owned())
            .collect()
    }

    #[test]
    fn names_split_as_their_models_do() {
        for (name, text, want) in [
            ("smollm", "it's 12 a", vec!["it", "'s", " ", "1", "2", " a"]),
            // A look-ahead sees the end of its piece, not the digit after it.
            ("smollm", "a  1", vec!["a", "  ", "1"]),
            ("gpt-2", "a  1", vec!["a", " ", " 1"]),
            (
                "gpt-2",
                "IT'S 1234\n\n x",
                vec!["IT", "'", "S", " 1234", "\n\n", " x"],
            ),
            ("llama-bpe", "IT'S 1234", vec!["IT", "'S", " ", "123", "4"]),
            ("llama-bpe", "a.\n\n  b", vec!["a", ".\n\n", " ", " b"]),
            ("qwen2", "it's 12", vec!["it", "'s", " ", "1", "2"]),
            (
                "tekken",
                "HelloWorld 12/\n",
                vec!["Hello", "World", " ", "1", "2", "/\n"],
            ),
            (
                "gpt-4o",
                "HelloWorld's 1234",
                vec!["Hello", "World's", " ", "123", "4"],
            ),
            X,
            ("default", "a$b 12", vec!["a", "$", "b", " ", "12"]),
            ("deepseek-coder", "a b\n12", vec!["a", " b", "\n", "1", "2"]),
            ("deepseek-v3", "a.b 1234", vec!["a", ".b", " ", "123", "4"]),
            (
                "superbpe",
                "by the way 1234567",
                vec!["by the way ", "1", "234", "567"],
            ),
            ("seed-coder", "a;\n1", vec!["a", ";", "\n", "1"]),
            ("viking", "hei, 12", vec!["hei", ",", " ", "1", "2"]),
        ] {
            assert_eq!(pieces(name, text), want, "{name}: {text:?}");
        }
    }

    #[test]
    fn every_name_has_patterns_that_compile() {
        for name in [
            "dbrx",
            "starcoder",
            "bloom",
            "llama3",
            "command-r",
            "mpt",
            "stablelm2",
        ] {
            assert!(!pieces(name, "a b").is_empty(), "{name}");
        }
    }

    #[test]
    fn an_unknown_name_is_refused_by_name() {
        let error = PreTokenizer::by_name(Some("mystery")).expect_err("nobody knows it");
        assert!(error.to_string().contains("mystery"), "{error}");
        assert_eq!(
            PreTokenizer::by_name(None),
            PreTokenizer::by_name(Some("default"))
        );
    }

    #[test]
    fn only_llama_3_and_tekken_ignore_merges() {
        for (name, want) in [
            ("llama-bpe", true),
            ("tekken", true),
            ("smollm", false),
            ("dbrx", false),
        ] {
            assert_eq!(
                PreTokenizer::by_name(Some(name)).map(|it| it.ignore_merges),
                Ok(want)
            );
        }
    }
}
