//! Logits and residuals of given ids, for parity and perplexity.

use super::step::read_logits;
use super::{Engine, EngineError};
use crate::forward::{LogitRows, queue};
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
        let context = self.model.context();
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
        let vocab = self.model.config().vocab_size;
        for (index, chunk) in ids.chunks(self.chunk).enumerate() {
            let position = index * self.chunk;
            let end = position + chunk.len();
            let rows = if from >= end {
                LogitRows::None
            } else if from + 1 == end {
                LogitRows::Last
            } else {
                LogitRows::All
            };
            let input = self.model.upload(chunk, position)?;
            let logits = self.model.encode(input, rows)?;
            queue::submit(self.model.device())?;
            queue::wait(self.model.device()).await?;
            self.check_device()?;
            let Some(logits) = logits else { continue };
            let first = end - logits.dims()[0];
            let values = read_logits(logits).await?;
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
        let input = self.model.upload(ids, 0)?;
        let residuals = self.model.residuals(input).await?;
        self.check_device()?;
        Ok(residuals)
    }
}
