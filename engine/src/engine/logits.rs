//! Logits of given ids, and what leads to them: for parity and perplexity, not for answering.

use super::step::read_logits;
use super::{Engine, EngineError};
use crate::forward::{LogitRows, queue};
use crate::scheduler::LengthError;

impl Engine {
    /// Runs `ids` from position 0 and shows the logits (V) of every position from `from` on.
    ///
    /// Nothing cached is used, and nothing stays cached. No request may be running.
    ///
    /// # Errors
    /// [`LengthError`] where `ids` do not fit the context, or what the device says.
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

    /// Runs `ids` from position 0 in one step; the residual stream [T, C] after the embedding, and
    /// after each block.
    ///
    /// Nothing cached is used, and nothing stays cached. No request may be running.
    ///
    /// # Errors
    /// Where `ids` are more than one step computes, or what the device says.
    pub async fn residuals(&mut self, ids: &[u32]) -> Result<Vec<Vec<f32>>, EngineError> {
        self.clear_cache();
        let input = self.model.upload(ids, 0)?;
        let residuals = self.model.residuals(input).await?;
        self.check_device()?;
        Ok(residuals)
    }
}
