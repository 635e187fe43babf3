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
                .text(" ms/token over ")
                .number("/output_tokens", self.output_tokens as f64)
                .end(" tokens."),
        ];
        if let Some(fit) = self.fit {
            let said = Sentence::new("A request costs ")
                .number("/fit/intercept", fit.intercept)
                .text(" ms plus ")
                .number("/fit/slope", fit.slope)
                .text(" ms/token (least squares, r\u{b2} ")
                .number("/fit/r2", fit.r2)
                .end(").");
            findings.push(said);
        }
        findings
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
