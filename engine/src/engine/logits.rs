//! Logits and residuals of given ids, for parity and perplexity.

use super::{Engine, EngineError};
use crate::forward::LogitRows;
use crate::scheduler::LengthError;

impl Engine {
    /// Runs `ids` from position 0 and passes the logits (V) of each position from `from` on to `visit`.
    ///
    /// Ignores and clears the cache. No request may be running.
    ///
    /// # Errors
    /// [`LengthError`] if `ids` is empty or does not fit the context, or the device's error.
    pub async fn logits(
        &mut self,
        ids: &[u32],
        from: usize,
        visit: &mut dyn FnMut(usize, &[f32]),
    ) -> Result<(), EngineError> {
        let context = self.info.context_length;
        if ids.is_empty() {
            return Err(LengthError::EmptyPrompt.into());
        }
        if ids.len() > context {
            return Err(LengthError::PromptTooLong {
                prompt: ids.len(),
                context,
            }
            .into());
        }
        self.clear_cache();
        let (vocab, rows) = (self.info.config.vocab_size, self.capabilities.rows);
        for (index, chunk) in ids.chunks(rows).enumerate() {
            let position = index * rows;
            let end = position + chunk.len();
            let rows = if from >= end {
                LogitRows::None
            } else if from + 1 == end {
                LogitRows::Last
            } else {
                LogitRows::All
            };
            let values = self.diagnostics().logits(chunk, position, rows).await?;
            let first = end - values.len() / vocab;
            for (position, row) in (first..end).zip(values.chunks_exact(vocab)) {
                if position >= from {
                    visit(position, row);
                }
            }
        }
        Ok(())
    }

    /// Runs `ids` from position 0 in one step and returns the residual stream [T, C] after the embedding and
    /// after each block.
    ///
    /// Ignores and clears the cache. No request may be running.
    ///
    /// # Errors
    /// If a step can't compute that many ids, or the device's error.
    pub async fn residuals(&mut self, ids: &[u32]) -> Result<Vec<Vec<f32>>, EngineError> {
        self.clear_cache();
        Ok(self.diagnostics().residuals(ids).await?)
    }
}
