//! Tokens with a role: BOS, end-of-answer tokens, and tokens that templates refer to by name.

use std::collections::BTreeMap;

/// Texts of control tokens that end an answer even if a GGUF does not list them (llama.cpp's `llama-vocab.cpp`,
/// `special_eog_ids`).
const EOS_TEXTS: &str = "<|eot_id|> <|im_end|> <|end|> <|return|> <|call|> <|flush|> <|calls|> <end_of_turn> \
    <|endoftext|> </s> <|eom_id|> <EOT> _<EOT> [EOT] [EOS] <|end_of_text|> <end_of_utterance> <turn|> \
    <\u{ff5c}end\u{2581}of\u{2581}sentence\u{ff5c}>";

/// Returns whether a control token with this text ends an answer.
pub(super) fn is_eos_text(text: &str) -> bool {
    EOS_TEXTS.split(' ').any(|end| end == text)
}

/// The tokens with a role.
#[derive(Clone, Debug, Default)]
pub(super) struct SpecialTokens {
    /// Id that begins a text.
    pub(super) bos: Option<u32>,
    /// Ids that end an answer, without duplicates.
    pub(super) eos_ids: Vec<u32>,
    /// Texts that a template refers to by name: `bos_token`, `eos_token` and so on.
    pub(super) names: BTreeMap<String, String>,
}

impl SpecialTokens {
    /// Adds an id that ends an answer, unless it is already there.
    pub(super) fn add_eos(&mut self, id: u32) {
        if !self.eos_ids.contains(&id) {
            self.eos_ids.push(id);
        }
    }
}
