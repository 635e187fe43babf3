//! `bare`: the engine without any shell, over a dataset.

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Sentence};
use crate::measure::{Estimate, Line, outliers};

/// Result of `bare`. Times are milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BareData {
    /// Name of the dataset.
    pub dataset: String,
    /// Times of each request, in the dataset's order.
    pub rows: Vec<BareRow>,
    /// Sum of all request times.
    pub total_ms: f64,
    /// Tokens of all answers.
    pub output_tokens: usize,
    /// Total time divided by total output tokens.
    pub ms_per_token: f64,
    /// Time per request.
    pub request_ms: Estimate,
    /// Line fitted to request time against answer tokens: the slope is milliseconds per token, the intercept the
    /// fixed cost of a request. `None` if all answers have the same length.
    pub fit: Option<Line>,
    /// Indexes of rows far from the fitted line or, without a line, far from the other rows.
    pub outliers: Vec<usize>,
}

/// Times of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BareRow {
    /// Prompt tokens.
    pub input_tokens: usize,
    /// Answer tokens.
    pub output_tokens: usize,
    /// Tokenization of the prompt.
    pub encode_ms: f64,
    /// Prefill, up to the first sampled token.
    pub prefill_ms: f64,
    /// Decoding of all further tokens.
    pub decode_ms: f64,
    /// Detokenization of the answer.
    pub detokenize_ms: f64,
    /// Wall time from before tokenization until the answer's text exists, measured separately from the parts.
    pub total_ms: f64,
}

impl BareData {
    /// Evaluates the rows of `dataset`.
    pub fn of(dataset: String, rows: Vec<BareRow>) -> Self {
        let totals: Vec<f64> = rows.iter().map(|row| row.total_ms).collect();
        let points = rows
            .iter()
            .map(|row| (row.output_tokens as f64, row.total_ms));
        let points: Vec<(f64, f64)> = points.collect();
        let fit = Line::through(&points);
        let expected = |x: f64| fit.map_or(0.0, |line| line.at(x));
        let rest: Vec<f64> = points.iter().map(|(x, y)| y - expected(*x)).collect();
        let total_ms = totals.iter().sum();
        let output_tokens = rows.iter().map(|row| row.output_tokens).sum();
        Self {
            dataset,
            total_ms,
            output_tokens,
            ms_per_token: total_ms / (output_tokens as f64).max(1.0),
            request_ms: Estimate::of(&totals).unwrap_or_default(),
            fit,
            outliers: outliers(&rest).iter().map(|of| of.index).collect(),
            rows,
        }
    }

    /// Returns the result as sentences.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = vec![
            Sentence::new("The bare engine takes ")
                .number("/ms_per_token", self.ms_per_token)
                .text(" ms a token over ")
                .number("/output_tokens", self.output_tokens as f64)
                .end(" tokens."),
        ];
        if let Some(fit) = self.fit {
            let said = Sentence::new("A request costs ")
                .number("/fit/intercept", fit.intercept)
                .text(" ms besides its tokens, which cost ")
                .number("/fit/slope", fit.slope)
                .text(" ms each (least squares, r\u{b2} ")
                .number("/fit/r2", fit.r2)
                .end(").");
            findings.push(said);
        }
        findings
    }
}

#[cfg(feature = "compute")]
pub use run::{BareSettings, budget, encode, run};

#[cfg(feature = "compute")]
mod run {
    use super::{BareData, BareRow};
    use crate::dataset::{Dataset, Row};
    use crate::{LabError, Point, Progress, Watch};
    use llamaglass_engine::Engine;
    use llamaglass_engine::platform::Stopwatch;
    use llamaglass_engine::tokenizer::{Message, SpecialText, Tokenizer};

    /// Tokens per warm-up request: after two decode steps, everything that a decode step runs has run.
    const WARM_UP_TOKENS: usize = 3;
    /// Answer tokens for rows without a reference answer.
    const DEFAULT_TOKENS: usize = 64;

    /// Settings of `bare`.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct BareSettings {
        /// Tokens per answer; by default as many as the row's reference answer has.
        pub tokens: Option<usize>,
    }

    /// Answers each row of `dataset`, one after the other, after a warm-up that covers prefill and decode.
    ///
    /// # Errors
    /// [`LabError`] if the run is stopped or a row fails.
    pub async fn run(
        engine: &mut Engine,
        dataset: &Dataset,
        settings: BareSettings,
        watch: &mut impl Watch,
    ) -> Result<BareData, LabError> {
        let tokenizer = std::sync::Arc::clone(engine.tokenizer());
        let total = dataset.rows.len();
        if let Some(row) = dataset.rows.first() {
            watch.told(Progress {
                what: "warm-up".into(),
                total,
                ..Progress::default()
            });
            let (ids, _) = encode(&tokenizer, row).map_err(|error| of_row(0, &error))?;
            let warm_up = engine.bare(&ids, WARM_UP_TOKENS, &mut |_| {}).await;
            warm_up.map_err(|error| of_row(0, &error))?;
        }
        let mut rows = Vec::with_capacity(total);
        for (index, row) in dataset.rows.iter().enumerate() {
            if !watch.breathe().await {
                return Err(LabError::Stopped);
            }
            let done = answer(engine, &tokenizer, row, settings).await;
            let done = done.map_err(|error| of_row(index, &error))?;
            watch.told(Progress {
                what: format!("row {}/{total}", index + 1),
                done: index + 1,
                total,
                point: Some(Point {
                    series: "requests".into(),
                    x: done.output_tokens as f64,
                    y: done.total_ms,
                }),
            });
            rows.push(done);
        }
        Ok(BareData::of(dataset.name.clone(), rows))
    }

    async fn answer(
        engine: &mut Engine,
        tokenizer: &Tokenizer,
        row: &Row,
        settings: BareSettings,
    ) -> Result<BareRow, llamaglass_engine::EngineError> {
        let tokens = match settings.tokens {
            Some(tokens) => tokens,
            None => budget(tokenizer, row)?,
        };
        let watch = Stopwatch::start();
        let (ids, encode_ms) = encode(tokenizer, row)?;
        let run = engine.bare(&ids, tokens, &mut |_| {}).await?;
        let before = watch.ms();
        let text = tokenizer.decode(&run.ids, true);
        let total_ms = watch.ms();
        std::hint::black_box(text);
        Ok(BareRow {
            input_tokens: ids.len(),
            output_tokens: run.ids.len(),
            encode_ms,
            prefill_ms: run.prefill_ms,
            decode_ms: run.steps_ms.iter().sum(),
            detokenize_ms: total_ms - before,
            total_ms,
        })
    }

    /// Returns the number of tokens in the row's reference answer (at least 1), or a default without one.
    ///
    /// # Errors
    /// The tokenizer's error.
    pub fn budget(
        tokenizer: &Tokenizer,
        row: &Row,
    ) -> Result<usize, llamaglass_engine::EngineError> {
        let reference = row.reference.as_deref();
        let ids = reference.map(|text| tokenizer.encode(text, SpecialText::AsText));
        let ids = ids.transpose()?;
        Ok(ids.map_or(DEFAULT_TOKENS, |ids| ids.len().max(1)))
    }

    /// Tokenizes a row's prompt, in the model's chat template if it has one. Returns the ids and the milliseconds
    /// it took.
    ///
    /// # Errors
    /// The tokenizer's error.
    pub fn encode(
        tokenizer: &Tokenizer,
        row: &Row,
    ) -> Result<(Vec<u32>, f64), llamaglass_engine::EngineError> {
        let watch = Stopwatch::start();
        let ids = if tokenizer.has_chat_template() {
            tokenizer.encode_chat(&[Message {
                role: "user".into(),
                content: row.prompt.clone(),
            }])?
        } else {
            tokenizer.encode_with_bos(&row.prompt, SpecialText::AsText)?
        };
        Ok((ids, watch.ms()))
    }

    fn of_row(index: usize, error: &llamaglass_engine::EngineError) -> LabError {
        LabError::Row {
            row: index + 1,
            error: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(output_tokens: usize, total_ms: f64) -> BareRow {
        BareRow {
            output_tokens,
            total_ms,
            ..BareRow::default()
        }
    }

    #[test]
    fn bare_recovers_known_fit_and_outlier() {
        let line = |tokens: usize| row(tokens, 25.0 + 23.68 * tokens as f64);
        let mut rows: Vec<BareRow> = (1..30).map(line).collect();
        let data = BareData::of("d".into(), rows.clone());
        let fit = data.fit.expect("a line");
        assert!((fit.slope - 23.68).abs() < 1e-6 && (fit.intercept - 25.0).abs() < 1e-6);
        assert_eq!(data.output_tokens, 29 * 15);
        let per_token = (29.0 * 25.0) / 435.0 + 23.68;
        assert!((data.ms_per_token - per_token).abs() < 1e-9);
        rows[20].total_ms += 12_550.0;
        let cold = BareData::of("d".into(), rows);
        assert_eq!(cold.outliers, [20]);
    }

    #[test]
    fn bare_has_no_fit_when_all_answers_have_one_length() {
        let data = BareData::of("d".into(), vec![row(4, 10.0), row(4, 12.0)]);
        assert_eq!((data.fit, data.ms_per_token), (None, 22.0 / 8.0));
        assert_eq!(data.findings().len(), 1);
    }
}
