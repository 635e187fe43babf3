//! `parity`: logits against a frozen reference, and token ids through the shell against those of the bare engine.

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Sentence};
use llamaglass_types::KvType;

/// Interval of the positions at which logits are compared; the last position is compared, too.
pub const EVERY: usize = 100;
/// Maximum absolute difference of a logit on paths that compute in f32.
const BOUND_F32: f64 = 5e-3;
/// The same for keys and values rounded to f16, which keeps 11 significant bits.
const BOUND_F16: f64 = 0.1;

/// Result of `parity`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ParityData {
    /// Name of the dataset.
    pub dataset: String,
    /// Source of the reference logits.
    pub reference: String,
    /// Maximum allowed absolute difference of a logit.
    pub bound: f64,
    /// Results of the dataset's rows.
    pub rows: Vec<ParityRow>,
    /// Largest absolute difference over all rows; `None` if a logit is not finite or a row was not compared.
    pub max_abs: Option<f64>,
    /// Number of rows whose token ids are the same through the shell and without it.
    pub same_ids: usize,
    /// True if every row passes.
    pub pass: bool,
}

/// Result of one row of the dataset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ParityRow {
    /// Number of token ids in the prompt and reference answer, over which logits are compared.
    pub ids: usize,
    /// Positions at which logits were compared.
    pub positions: Vec<usize>,
    /// Largest absolute difference of a logit; `None` if a logit is not finite or none were compared.
    pub max_abs: Option<f64>,
    /// Largest difference relative to the largest logit of its position.
    pub max_rel: Option<f64>,
    /// True if no logit differs by more than the bound.
    pub within: bool,
    /// Number of token ids sampled through the shell and without it.
    pub picked: usize,
    /// Index of the first sampled id that differs; `None` if all are the same.
    pub first_divergence: Option<usize>,
}

impl ParityRow {
    /// Returns whether there was a reference to compare the logits with.
    const fn is_compared(&self) -> bool {
        self.max_abs.is_some() || !self.positions.is_empty()
    }
}

/// Differences of the logits at one position.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Deviation {
    /// Largest absolute difference.
    pub max_abs: f64,
    /// The same relative to the reference's largest magnitude.
    pub max_rel: f64,
}

impl Deviation {
    /// Compares the logits (V) of one position; infinite if their counts differ or a logit is not finite.
    pub fn of(ours: &[f32], reference: &[f32]) -> Self {
        if ours.len() != reference.len() || ours.iter().any(|logit| !logit.is_finite()) {
            let [max_abs, max_rel] = [f64::INFINITY; 2];
            return Self { max_abs, max_rel };
        }
        let apart = ours
            .iter()
            .zip(reference)
            .map(|(a, b)| f64::from((a - b).abs()));
        let max_abs = apart.fold(0.0, f64::max);
        let largest = reference
            .iter()
            .map(|logit| f64::from(logit.abs()))
            .fold(0.0, f64::max);
        let max_rel = if largest > 0.0 {
            max_abs / largest
        } else {
            0.0
        };
        Self { max_abs, max_rel }
    }

    /// Returns the absolute and relative difference, each `None` if not finite.
    pub fn finite(self) -> [Option<f64>; 2] {
        [self.max_abs, self.max_rel].map(|of| Some(of).filter(|of| of.is_finite()))
    }

    /// Returns the larger value of each.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        Self {
            max_abs: self.max_abs.max(other.max_abs),
            max_rel: self.max_rel.max(other.max_rel),
        }
    }
}

/// Returns the positions at which logits are compared in a sequence of `ids` token ids.
pub fn positions(ids: usize) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..ids).step_by(EVERY).collect();
    let last = ids.saturating_sub(1);
    if positions.last().is_some_and(|position| *position != last) {
        positions.push(last);
    }
    positions
}

/// Returns the first index at which two sequences of ids differ.
pub fn first_divergence(a: &[u32], b: &[u32]) -> Option<usize> {
    let common = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    (common < a.len().max(b.len())).then_some(common)
}

impl ParityData {
    /// Evaluates all rows; the bound depends on `kv`, the type of the cached keys and values.
    pub fn of(dataset: String, reference: String, kv: KvType, mut rows: Vec<ParityRow>) -> Self {
        let bound = match kv {
            KvType::F32 => BOUND_F32,
            KvType::F16 => BOUND_F16,
        };
        for row in &mut rows {
            row.within = !row.is_compared() || row.max_abs.is_some_and(|max_abs| max_abs <= bound);
        }
        let same_ids = rows
            .iter()
            .filter(|row| row.first_divergence.is_none())
            .count();
        let all: Option<Vec<f64>> = rows.iter().map(|row| row.max_abs).collect();
        Self {
            dataset,
            reference,
            bound,
            max_abs: all.map(|all| all.into_iter().fold(0.0, f64::max)),
            same_ids,
            pass: !rows.is_empty() && same_ids == rows.len() && rows.iter().all(|row| row.within),
            rows,
        }
    }

    /// Returns the result as sentences.
    pub fn findings(&self) -> Vec<Finding> {
        let compared = self.rows.iter().any(ParityRow::is_compared);
        let logits = match self.max_abs {
            Some(max_abs) => Sentence::new("Logits differ from the reference by at most ")
                .number("/max_abs", max_abs)
                .text(", with ")
                .number("/bound", self.bound)
                .end(" allowed."),
            None if compared => Sentence::default().end("There are logits that are not finite."),
            None => Sentence::default().end("Logits were not compared."),
        };
        let mut findings = vec![
            logits,
            Sentence::new("With and without the shell, the tokens are the same in ")
                .number("/same_ids", self.same_ids as f64)
                .end(&format!(" of {} rows.", self.rows.len())),
        ];
        // Put the finding that was measured first.
        if !compared {
            findings.reverse();
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_every_hundredth_and_last() {
        assert_eq!(positions(1), [0]);
        assert_eq!(positions(101), [0, 100]);
        assert_eq!(positions(250), [0, 100, 200, 249]);
        assert!(positions(0).is_empty());
    }

    #[test]
    fn deviation_matches_hand_computed_values() {
        let of = Deviation::of(&[1.0, 2.5, -4.0], &[1.0, 2.0, -4.0]);
        assert_eq!((of.max_abs, of.max_rel), (0.5, 0.125));
        assert_eq!(Deviation::of(&[1.0], &[1.0, 2.0]).max_abs, f64::INFINITY);
        assert_eq!(Deviation::of(&[f32::NAN], &[1.0]).max_abs, f64::INFINITY);
    }

    #[test]
    fn findings_do_not_call_uncompared_logits_equal() {
        let of = |max_abs: Option<f64>| {
            let row = ParityRow {
                max_abs,
                ..ParityRow::default()
            };
            ParityData::of("d".into(), "r".into(), KvType::F32, vec![row]).findings()
        };
        let [ids, logits] = of(None).try_into().expect("two findings");
        assert!(
            ids.text
                .starts_with("With and without the shell, the tokens are the same in 1")
        );
        assert_eq!(logits.text, "Logits were not compared.");
        assert!(of(Some(0.0))[0].text.starts_with("Logits differ"));
    }

    #[test]
    fn parity_fails_when_one_id_or_logit_differs() {
        assert_eq!(first_divergence(&[1, 2, 3], &[1, 2, 3]), None);
        assert_eq!(first_divergence(&[1, 2, 3], &[1, 5, 3]), Some(1));
        assert_eq!(first_divergence(&[1, 2], &[1, 2, 3]), Some(2));
        let row = |max_abs, first_divergence| ParityRow {
            max_abs: Some(max_abs),
            first_divergence,
            ..ParityRow::default()
        };
        let of = |rows| ParityData::of("d".into(), "r".into(), KvType::F32, rows);
        assert!(of(vec![row(1e-3, None), row(5e-3, None)]).pass);
        let apart = of(vec![row(1e-3, None), row(1e-3, Some(4))]);
        assert_eq!((apart.pass, apart.same_ids), (false, 1));
        assert!(!of(vec![row(6e-3, None)]).pass);
        assert!(!of(Vec::new()).pass, "nothing was compared");
    }
}
