//! `parity`: logits against a frozen reference, and the shell's ids against the bare engine's.

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Sentence};
use llamaglass_engine::forward::KvType;

/// Logits are compared at positions that are multiples of this, and at the last.
pub const EVERY: usize = 100;
/// The most that a logit may differ on paths that compute in f32.
const BOUND_F32: f64 = 5e-3;
/// The same where keys and values are rounded to f16, which keeps 11 bits of them.
const BOUND_F16: f64 = 0.1;

/// What `parity` finds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ParityData {
    /// The dataset's name.
    pub dataset: String,
    /// Where the reference's logits come from.
    pub reference: String,
    /// The most that a logit may differ, absolutely.
    pub bound: f64,
    /// Each row.
    pub rows: Vec<ParityRow>,
    /// The largest difference of all; nothing where a logit is not finite.
    pub max_abs: Option<f64>,
    /// Rows whose ids are the same through the shell and without it.
    pub same_ids: usize,
    /// Whether every row passes.
    pub pass: bool,
}

/// A row of the dataset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ParityRow {
    /// Ids of its prompt and reference answer, of which logits are compared.
    pub ids: usize,
    /// The positions.
    pub positions: Vec<usize>,
    /// The largest difference of a logit; nothing where one is not finite.
    pub max_abs: Option<f64>,
    /// The largest difference over the largest logit of its position.
    pub max_rel: Option<f64>,
    /// Whether no logit differs by more than the bound.
    pub within: bool,
    /// Ids that were picked through the shell and without it.
    pub picked: usize,
    /// The first of them that differs; nothing where all are the same.
    pub first_divergence: Option<usize>,
}

impl ParityRow {
    /// Whether there was a reference to compare its logits with.
    const fn is_compared(&self) -> bool {
        self.max_abs.is_some() || !self.positions.is_empty()
    }
}

/// Differences at one position.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Deviation {
    /// The largest difference.
    pub max_abs: f64,
    /// The same over the largest magnitude of the reference.
    pub max_rel: f64,
}

impl Deviation {
    /// Of the logits (V) of one position; infinite where they are not as many, or not finite.
    pub fn of(ours: &[f32], reference: &[f32]) -> Self {
        let worst = Self {
            max_abs: f64::INFINITY,
            max_rel: f64::INFINITY,
        };
        if ours.len() != reference.len() || ours.iter().any(|logit| !logit.is_finite()) {
            return worst;
        }
        let pairs = ours.iter().zip(reference);
        let max_abs = pairs
            .map(|(a, b)| f64::from((a - b).abs()))
            .fold(0.0, f64::max);
        let largest = reference
            .iter()
            .map(|logit| f64::from(logit.abs()))
            .fold(0.0, f64::max);
        Self {
            max_abs,
            max_rel: if largest > 0.0 {
                max_abs / largest
            } else {
                0.0
            },
        }
    }

    /// The difference, and over the largest; nothing where a logit is not finite.
    pub fn finite(self) -> [Option<f64>; 2] {
        [self.max_abs, self.max_rel].map(|of| Some(of).filter(|of| of.is_finite()))
    }

    /// The worse of both.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        Self {
            max_abs: self.max_abs.max(other.max_abs),
            max_rel: self.max_rel.max(other.max_rel),
        }
    }
}

/// The positions of `ids` ids at which logits are compared.
pub fn positions(ids: usize) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..ids).step_by(EVERY).collect();
    let last = ids.saturating_sub(1);
    if positions.last().is_some_and(|position| *position != last) {
        positions.push(last);
    }
    positions
}

/// The first index at which two answers differ.
pub fn first_divergence(a: &[u32], b: &[u32]) -> Option<usize> {
    let common = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    (common < a.len().max(b.len())).then_some(common)
}

impl ParityData {
    /// Of all rows; `kv` is how the cache stores its values.
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
        Self {
            dataset,
            reference,
            bound,
            max_abs: rows
                .iter()
                .map(|row| row.max_abs)
                .collect::<Option<Vec<f64>>>()
                .map(|all| all.into_iter().fold(0.0, f64::max)),
            same_ids,
            pass: !rows.is_empty() && same_ids == rows.len() && rows.iter().all(|row| row.within),
            rows,
        }
    }

    /// What it says in sentences.
    pub fn findings(&self) -> Vec<Finding> {
        let compared = self.rows.iter().any(ParityRow::is_compared);
        let logits = match self.max_abs {
            Some(max_abs) => Sentence::new("Logits differ from the reference by at most ")
                .number("/max_abs", max_abs)
                .text(", where ")
                .number("/bound", self.bound)
                .end(" are allowed."),
            None if compared => Sentence::default().end("There are logits that are not finite."),
            None => Sentence::default().end("Logits were not compared."),
        };
        let mut findings = vec![
            logits,
            Sentence::new("Of the rows, ")
                .number("/same_ids", self.same_ids as f64)
                .end(&format!(
                    " have the same ids through the shell as without it ({} rows).",
                    self.rows.len()
                )),
        ];
        // What was measured comes first.
        if !compared {
            findings.reverse();
        }
        findings
    }
}

/// The logits (V) of `ids` at the positions that are compared, in their order.
///
/// # Errors
/// What the engine says.
#[cfg(feature = "compute")]
pub async fn logits(
    engine: &mut llamaglass_engine::Engine,
    ids: &[u32],
) -> Result<Vec<Vec<f32>>, llamaglass_engine::EngineError> {
    let wanted = positions(ids.len());
    let mut found = Vec::with_capacity(wanted.len());
    let mut visit = |position: usize, row: &[f32]| {
        if wanted.contains(&position) {
            found.push(row.to_vec());
        }
    };
    engine.logits(ids, 0, &mut visit).await?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_every_hundredth_and_the_last() {
        assert_eq!(positions(1), [0]);
        assert_eq!(positions(101), [0, 100]);
        assert_eq!(positions(250), [0, 100, 200, 249]);
        assert!(positions(0).is_empty());
    }

    #[test]
    fn deviations_are_those_computed_by_hand() {
        let of = Deviation::of(&[1.0, 2.5, -4.0], &[1.0, 2.0, -4.0]);
        assert_eq!((of.max_abs, of.max_rel), (0.5, 0.125));
        assert_eq!(Deviation::of(&[1.0], &[1.0, 2.0]).max_abs, f64::INFINITY);
        assert_eq!(Deviation::of(&[f32::NAN], &[1.0]).max_abs, f64::INFINITY);
    }

    #[test]
    fn what_was_not_compared_is_not_said_to_be_equal() {
        let of = |max_abs: Option<f64>| {
            let row = ParityRow {
                max_abs,
                ..ParityRow::default()
            };
            ParityData::of("d".into(), "r".into(), KvType::F32, vec![row]).findings()
        };
        let ids_only = of(None);
        assert!(
            ids_only[0].text.starts_with("Of the rows, 1"),
            "{ids_only:?}"
        );
        assert_eq!(ids_only[1].text, "Logits were not compared.");
        assert!(of(Some(0.0))[0].text.starts_with("Logits differ"));
    }

    #[test]
    fn one_other_id_fails_all() {
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
