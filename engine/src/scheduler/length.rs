//! Checks that a prompt and its answer fit the context.

/// Checks that a prompt and its answer fit the context. Returns the maximum number of tokens in the answer.
///
/// `prompt + max_tokens` may equal `context`. Without `max_tokens`, the answer may fill the rest of the
/// context.
///
/// # Errors
/// [`LengthError`] if the prompt is empty, `max_tokens` is zero, or they do not fit.
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

/// A request that does not fit the context.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the messages explain the variants and their fields"
)]
pub enum LengthError {
    #[error("the prompt is empty: it has no token, so there is nothing to continue")]
    EmptyPrompt,
    #[error("max_tokens must be at least 1")]
    NoTokens,
    #[error(
        "the prompt has {prompt} tokens, but the context holds {context}, one of which the answer needs: shorten the prompt or load the model with a longer context"
    )]
    PromptTooLong { prompt: usize, context: usize },
    #[error(
        "the prompt has {bytes} bytes, more than fill the context of {context} tokens: shorten the prompt or load the model with a longer context"
    )]
    TextTooLong { bytes: usize, context: usize },
    #[error("the prompt's {prompt} tokens and max_tokens {max_tokens} are {} together, but the context holds {context}: lower max_tokens to at most {}", prompt + max_tokens, context - prompt)]
    AnswerTooLong {
        prompt: usize,
        max_tokens: usize,
        context: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_budget_allows_exactly_the_context_length() {
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
}
