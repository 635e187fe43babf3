//! `stats`: token counts of a dataset's prompts and reference answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Sentence};

/// Result of `stats`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StatsData {
    /// Name of the dataset.
    pub dataset: String,
    /// Number of rows.
    pub rows: usize,
    /// Number of rows with a reference answer.
    pub rows_with_output: usize,
    /// Lengths of the prompts.
    pub input_tokens: LengthFigures,
    /// Lengths of the reference answers.
    pub output_tokens: LengthFigures,
    /// Maximum of a row's prompt and reference answer together, in tokens.
    pub longest: usize,
    /// Tokens of each row: prompt, and reference answer.
    pub lengths: Vec<(usize, Option<usize>)>,
}

/// Statistics of lengths, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LengthFigures {
    /// Maximum.
    pub max: usize,
    /// Minimum.
    pub min: usize,
    /// Mean.
    pub mean: f64,
    /// Median; for an even count, the mean of the two middle lengths.
    pub median: f64,
    /// Most frequent length; the smallest of several.
    pub mode: usize,
    /// Population variance, not the sample estimate.
    pub variance: f64,
    /// Population standard deviation.
    pub std: f64,
}

impl LengthFigures {
    /// Computes the statistics of `lengths`; all 0 if there are none.
    pub fn of(lengths: &[usize]) -> Self {
        let mut sorted = lengths.to_vec();
        sorted.sort_unstable();
        let (Some(min), Some(max)) = (sorted.first(), sorted.last()) else {
            return Self::default();
        };
        let count = sorted.len();
        let n = count as f64;
        let mean = sorted.iter().sum::<usize>() as f64 / n;
        let square = |length: &usize| (*length as f64 - mean).powi(2);
        let variance = sorted.iter().map(square).sum::<f64>() / n;
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for length in &sorted {
            *counts.entry(*length).or_default() += 1;
        }
        let most = counts.values().copied().max().unwrap_or(0);
        let mode = counts.iter().find(|(_, count)| **count == most);
        Self {
            max: *max,
            min: *min,
            mean,
            median: (sorted[(count - 1) / 2] + sorted[count / 2]) as f64 / 2.0,
            mode: mode.map_or(0, |(length, _)| *length),
            variance,
            std: variance.sqrt(),
        }
    }
}

impl StatsData {
    /// Evaluates the tokens of each row: prompt, and reference answer.
    pub fn of_lengths(dataset: String, lengths: Vec<(usize, Option<usize>)>) -> Self {
        let inputs: Vec<usize> = lengths.iter().map(|row| row.0).collect();
        let outputs: Vec<usize> = lengths.iter().filter_map(|row| row.1).collect();
        let longest = lengths
            .iter()
            .map(|(input, output)| input + output.unwrap_or(0));
        Self {
            dataset,
            rows: lengths.len(),
            rows_with_output: outputs.len(),
            input_tokens: LengthFigures::of(&inputs),
            output_tokens: LengthFigures::of(&outputs),
            longest: longest.max().unwrap_or(0),
            lengths,
        }
    }

    /// Returns the result as sentences.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = vec![
            Sentence::new("Prompts have a median of ")
                .number("/input_tokens/median", self.input_tokens.median)
                .text(" tokens and at most ")
                .number("/input_tokens/max", self.input_tokens.max as f64)
                .end("."),
        ];
        if self.rows_with_output > 0 {
            let outputs = Sentence::new("Reference answers have a median of ")
                .number("/output_tokens/median", self.output_tokens.median)
                .text(" tokens and at most ")
                .number("/output_tokens/max", self.output_tokens.max as f64)
                .text("; the longest row, with its prompt, has ")
                .number("/longest", self.longest as f64)
                .end(": a cache padded beyond that is never used.");
            findings.push(outputs);
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_figures_match_hand_computed_ones() {
        let of = LengthFigures::of(&[2, 4, 4, 4, 5, 5, 7, 9]);
        assert_eq!((of.min, of.max, of.mode), (2, 9, 4));
        assert_eq!((of.mean, of.median), (5.0, 4.5));
        assert_eq!((of.variance, of.std), (4.0, 2.0));
        let two = LengthFigures::of(&[7, 3, 7, 3, 5]);
        assert_eq!((two.mode, two.median), (3, 5.0));
        assert_eq!(LengthFigures::of(&[]), LengthFigures::default());
    }

    #[test]
    fn rows_without_reference_count_only_as_prompts() {
        let data = StatsData::of_lengths("d".into(), vec![(10, Some(5)), (14, None), (3, Some(9))]);
        assert_eq!((data.rows, data.rows_with_output, data.longest), (3, 2, 15));
        assert_eq!(data.output_tokens.mean, 7.0);
        let none = StatsData::of_lengths("d".into(), vec![(10, None)]);
        assert_eq!((none.longest, none.findings().len()), (10, 1));
    }
}
