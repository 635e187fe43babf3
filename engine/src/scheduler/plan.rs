//! What a sequence computes next.

use std::ops::Range;

/// How far a sequence has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Ids whose keys and values are in the KV cache.
    pub cached: usize,
    /// Ids there are: the prompt and what was picked since.
    pub known: usize,
}

/// One step's work: run the ids of `range` at their positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Positions (and indices into the sequence's ids) to compute.
    pub range: Range<usize>,
    /// Whether the step reaches the last known id, so that its logits pick the next one.
    pub picks: bool,
}

/// Plans the next step of a sequence: everything known but not cached, at most `chunk` at once.
///
/// A sequence with nothing to compute has no plan.
pub fn plan(progress: Progress, chunk: usize) -> Option<Plan> {
    let start = progress.cached;
    let end = progress.known.min(start.saturating_add(chunk.max(1)));
    (start < end).then_some(Plan {
        range: start..end,
        picks: end == progress.known,
    })
}

/// How many leading ids of `prompt` need not be computed because `cached` has them.
///
/// The last id of the prompt is always computed: its logits are wanted.
pub fn reusable_prefix(cached: &[u32], prompt: &[u32]) -> usize {
    let common = cached
        .iter()
        .zip(prompt)
        .take_while(|(a, b)| a == b)
        .count();
    common.min(prompt.len().saturating_sub(1))
}

/// Checks that a prompt and its answer fit the context; the answer's most tokens on success.
///
/// `prompt + max_tokens` may equal `context` exactly. Without `max_tokens`, the answer may run to
/// the context's end.
///
/// # Errors
/// What does not fit, in words.
pub fn answer_budget(
    prompt: usize,
    max_tokens: Option<usize>,
    context: usize,
) -> Result<usize, LengthError> {
    if prompt == 0 {
        return Err(LengthError::EmptyPrompt);
    }
    let room = context.saturating_sub(prompt);
    match max_tokens {
        Some(0) => Err(LengthError::NoTokens),
        _ if room == 0 => Err(LengthError::PromptTooLong { prompt, context }),
        Some(max_tokens) if max_tokens > room => Err(LengthError::AnswerTooLong {
            prompt,
            max_tokens,
            context,
        }),
        Some(max_tokens) => Ok(max_tokens),
        None => Ok(room),
    }
}

/// A request that does not fit.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum LengthError {
    /// There is nothing to answer.
    #[error("the prompt is empty: it has no token, so there is nothing to continue")]
    EmptyPrompt,
    /// `max_tokens` is zero.
    #[error("max_tokens must be at least 1")]
    NoTokens,
    /// The prompt alone fills the context.
    #[error(
        "the prompt has {prompt} tokens, but the context holds {context}, one of which the answer needs: shorten the prompt or load the model with a longer context"
    )]
    PromptTooLong {
        /// Ids of the prompt.
        prompt: usize,
        /// Positions of the KV cache.
        context: usize,
    },
    /// The prompt leaves less room than asked for.
    #[error("the prompt's {prompt} tokens and max_tokens {max_tokens} are {} together, but the context holds {context}: lower max_tokens to at most {}", prompt + max_tokens, context - prompt)]
    AnswerTooLong {
        /// Ids of the prompt.
        prompt: usize,
        /// Tokens asked for.
        max_tokens: usize,
        /// Positions of the KV cache.
        context: usize,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_limit_itself_is_allowed_and_one_more_is_not() {
        assert_eq!(answer_budget(10, Some(5), 16), Ok(5));
        assert_eq!(answer_budget(10, Some(6), 16), Ok(6));
        assert!(matches!(
            answer_budget(10, Some(7), 16),
            Err(LengthError::AnswerTooLong { .. })
        ));
        assert_eq!(answer_budget(15, None, 16), Ok(1));
        assert!(matches!(
            answer_budget(16, None, 16),
            Err(LengthError::PromptTooLong { .. })
        ));
        assert_eq!(answer_budget(0, None, 16), Err(LengthError::EmptyPrompt));
        assert_eq!(answer_budget(1, Some(0), 16), Err(LengthError::NoTokens));
    }

    #[test]
    fn the_last_prompt_id_is_computed_even_if_all_of_it_is_cached() {
        assert_eq!(reusable_prefix(&[1, 2, 3], &[1, 2, 3]), 2);
        assert_eq!(reusable_prefix(&[1, 2, 9], &[1, 2, 3, 4]), 2);
        assert_eq!(reusable_prefix(&[], &[1]), 0);
        assert_eq!(reusable_prefix(&[1], &[]), 0);
    }

    proptest! {
        #[test]
        fn plans_cover_every_id_once_and_only_the_last_one_picks(
            cached in 0usize..50, more in 0usize..200, chunk in 0usize..70,
        ) {
            let known = cached + more;
            let mut progress = Progress { cached, known };
            let mut picked = false;
            while let Some(plan) = plan(progress, chunk) {
                prop_assert!(!picked);
                prop_assert_eq!(plan.range.start, progress.cached);
                prop_assert!(plan.range.len() <= chunk.max(1));
                picked = plan.picks;
                progress.cached = plan.range.end;
            }
            prop_assert_eq!(progress.cached, known);
            prop_assert_eq!(picked, more > 0);
        }
    }
}
