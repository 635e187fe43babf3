//! Pre-tokenizers that a GGUF refers to by name (`tokenizer.ggml.pre`): the patterns that split a text before
//! merging, as listed in llama.cpp's `llama-vocab.cpp`.

use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;

use super::error::TokenizerError;

/// Rules of a named pre-tokenizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PreTokenizer {
    /// Split patterns; each splits every piece that the previous one left.
    pub(super) patterns: &'static [&'static str],
    /// True if a whole piece in the vocabulary becomes one id even if no merges lead to it.
    pub(super) ignore_merges: bool,
    /// Default for whether to add a BOS, if the file does not say.
    pub(super) add_bos: bool,
}

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// Llama 3: contractions in any case, digits in groups of three.
const LLAMA3: &str = concat!(
    r"'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]",
    r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// Qwen 2: like Llama 3, but with each digit alone.
const QWEN2: &str = concat!(
    r"'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]",
    r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// Seed-Coder: like Qwen 2, but punctuation ends before a line break.
const SEED_CODER: &str = concat!(
    r"'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]",
    r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// Mistral's tekken: words are also split where capitals begin.
const TEKKEN: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// GPT-4o and Llama 4: like tekken, with contractions and digits in groups of three.
const GPT4O: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?",
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// Han, and the other scripts that DeepSeek's first models group with it.
const DEEPSEEK_CJK: &str = r"[\x{4e00}-\x{9fa5}\x{0800}-\x{4e00}\x{ac00}-\x{d7ff}]+";

/// A word of cased letters, with the ranges that DeepSeek LLM lists.
const DEEPSEEK_WORD: &str = concat!(
    r"\s?[",
    r"\x{0041}-\x{005a}\x{0061}-\x{007a}\x{00b5}\x{00c0}-\x{00d6}\x{00d8}-\x{00f6}",
    r"\x{00f8}-\x{01ba}\x{01bc}-\x{01bf}\x{01c4}-\x{0293}\x{0295}-\x{02af}",
    r"\x{0370}-\x{0373}\x{0376}\x{0377}\x{037b}-\x{037d}\x{037f}\x{0386}\x{0388}-\x{038a}",
    r"\x{038c}\x{038e}-\x{03a1}\x{03a3}-\x{03f5}\x{03f7}-\x{0481}\x{048a}-\x{052f}",
    r"\x{0531}-\x{0556}\x{10a0}-\x{10c5}\x{13a0}-\x{13f5}\x{13f8}-\x{13fd}",
    r"\x{1c90}-\x{1cba}\x{1cbd}-\x{1cbf}\x{1d00}-\x{1d2b}\x{1d6b}-\x{1d77}",
    r"\x{1d79}-\x{1d9a}\x{1e00}-\x{1f15}\x{1f18}-\x{1f1d}\x{1f20}-\x{1f45}",
    r"\x{1f48}-\x{1f4d}\x{1f50}-\x{1f57}\x{1f59}\x{1f5b}\x{1f5d}\x{1f5f}-\x{1f7d}",
    r"\x{1f80}-\x{1fb4}\x{1fb6}-\x{1fbc}\x{1fbe}\x{1fc2}-\x{1fc4}\x{1fc6}-\x{1fcc}",
    r"\x{1fd0}-\x{1fd3}\x{1fd6}-\x{1fdb}\x{1fe0}-\x{1fec}\x{1ff2}-\x{1ff4}",
    r"\x{1ff6}-\x{1ffc}\x{2102}\x{2107}\x{210a}-\x{2113}\x{2115}\x{2119}-\x{211d}\x{2124}",
    r"\x{2126}\x{2128}\x{212a}-\x{212d}\x{212f}-\x{2134}\x{2139}\x{213c}-\x{213f}",
    r"\x{2145}-\x{2149}\x{214e}\x{2183}\x{2184}\x{2c00}-\x{2c7b}\x{2c7e}-\x{2ce4}",
    r"\x{2ceb}-\x{2cee}\x{2cf2}\x{2cf3}\x{a640}-\x{a66d}\x{a680}-\x{a69b}\x{a722}-\x{a76f}",
    r"\x{a771}-\x{a787}\x{a78b}-\x{a78e}\x{ab70}-\x{abbf}\x{fb00}-\x{fb06}",
    r"\x{fb13}-\x{fb17}\x{ff21}-\x{ff3a}\x{ff41}-\x{ff5a}\x{10400}-\x{1044f}",
    r"\x{104b0}-\x{104d3}\x{104d8}-\x{104fb}\x{10c80}-\x{10cb2}\x{10cc0}-\x{10cf2}",
    r"\x{118a0}-\x{118df}\x{1e900}-\x{1e943}",
    r"]+",
);

/// As published: `:-~` includes the ASCII letters, so "Hé" becomes two pieces.
const DEEPSEEK_PUNCTUATION: &str = concat!(
    r"\s?[!-/:-~\x{ff01}-\x{ff0f}\x{ff1a}-\x{ff5e}\x{2018}-\x{201f}",
    r"\x{3000}-\x{3002}]+",
);

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
    /// Returns the pre-tokenizer of a name; without a name, llama.cpp's `default`.
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
            "deepseek-llm" => plain(&[
                r"[\r\n]",
                DEEPSEEK_WORD,
                DEEPSEEK_PUNCTUATION,
                r"\s+$",
                DEEPSEEK_CJK,
                r"\p{N}+",
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

    /// Builds the pre-tokenizer for the `tokenizers` crate.
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

    /// Splits a text with the pre-tokenizer called `name`.
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
    fn pre_tokenizers_split_like_their_models() {
        for (name, text, want) in [
            ("smollm", "it's 12 a", vec!["it", "'s", " ", "1", "2", " a"]),
            // A look-ahead sees the end of its own piece, not the digit after it.
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
            ("falcon", "a$b 1234", vec!["a", "$", "b", " ", "123", "4"]),
            ("default", "a$b 12", vec!["a", "$", "b", " ", "12"]),
            ("deepseek-coder", "a b\n12", vec!["a", " b", "\n", "1", "2"]),
            ("deepseek-v3", "a.b 1234", vec!["a", ".b", " ", "123", "4"]),
            (
                "deepseek-llm",
                "Hé you! 12\n日本 ",
                vec!["H", "é", " you", "!", " ", "12", "\n", "日本", " "],
            ),
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
        let names = "dbrx starcoder bloom llama3 command-r mpt stablelm2";
        for name in names.split(' ') {
            assert!(!pieces(name, "a b").is_empty(), "{name}");
        }
    }

    #[test]
    fn unknown_pre_tokenizer_is_rejected_by_name() {
        let error = PreTokenizer::by_name(Some("mystery")).expect_err("nobody knows it");
        assert!(error.to_string().contains("mystery"), "{error}");
        assert_eq!(
            PreTokenizer::by_name(None),
            PreTokenizer::by_name(Some("default"))
        );
    }
}
