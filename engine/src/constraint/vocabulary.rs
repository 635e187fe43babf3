//! Trie of a vocabulary's bytes.

use std::sync::Arc;

use llguidance::toktrie::{ApproximateTokEnv, INVALID_TOKEN, TokEnv, TokRxInfo, TokTrie};

use super::ConstraintError;
use crate::tokenizer::Tokenizer;

/// Maximum bytes of all tokens together: the trie numbers its nodes in 22 bits.
const MAX_TOTAL_BYTES: usize = (1 << 22) - 1;
/// Maximum bytes per token; longer ones, which are runs of spaces, are never sampled.
const MAX_TOKEN_BYTES: usize = 512;

/// Builds the trie of the first `rows` ids and marks those that end an answer.
///
/// # Errors
/// [`ConstraintError::Vocabulary`] if the tokens have too many bytes.
pub(super) fn trie(tokenizer: &Tokenizer, rows: usize) -> Result<TokEnv, ConstraintError> {
    let ids = rows.min(tokenizer.vocab_size());
    let ids = u32::try_from(ids).unwrap_or(u32::MAX);
    let ends = tokenizer.eos_ids().iter().copied();
    let ends: Vec<u32> = ends.filter(|id| *id < ids).collect();
    let bytes = |id: u32| {
        let piece = tokenizer.piece(id).unwrap_or_default();
        // Special tokens are not text. The marker is not valid UTF-8, so no text begins with it.
        let is_text = !tokenizer.is_special(id) && !ends.contains(&id);
        let is_usable =
            piece.len() <= MAX_TOKEN_BYTES && !piece.starts_with(&[TokTrie::SPECIAL_TOKEN_MARKER]);
        if is_text && is_usable {
            piece.to_vec()
        } else {
            Vec::new()
        }
    };
    let words: Vec<Vec<u8>> = (0..ids).map(bytes).collect();
    let total: usize = words.iter().map(Vec::len).sum();
    if total > MAX_TOTAL_BYTES {
        return Err(ConstraintError::Vocabulary(format!(
            "its tokens have {total} bytes; at most {MAX_TOTAL_BYTES} are allowed"
        )));
    }
    let end = ends.first().copied().unwrap_or(INVALID_TOKEN);
    let mut trie = TokTrie::from(&TokRxInfo::new(ids, end), &words);
    if !ends.is_empty() {
        trie = trie.with_eos_tokens(&ends);
    }
    Ok(Arc::new(ApproximateTokEnv::new(trie)))
}
