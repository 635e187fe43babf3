//! `chain`: where the time of requests goes, span by span, and which spans grew between two runs.

mod diff;
#[cfg(test)]
mod tests;
mod tree;

pub use diff::{ChainDiff, Growth};
pub use tree::ChainNode;

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Sentence};
use llamaglass_types::stats::Record;

/// Result of `chain`. Times are milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChainData {
    /// Name of the dataset.
    pub dataset: String,
    /// Description of what the second run does worse; `None` without a second run.
    pub with: Option<String>,
    /// Growth of spans in the second run, largest first.
    pub diff: Option<ChainDiff>,
    /// Number of requests.
    pub requests: usize,
    /// Wall time of all requests that no span accounts for.
    pub residue_ms: f64,
    /// Share of the wall time that no span accounts for, 0 to 1.
    pub residue_share: f64,
    /// Span tree of the first run.
    pub tree: ChainNode,
    /// Span tree of the second run.
    pub second: Option<ChainNode>,
}

impl ChainData {
    /// Evaluates the requests of one run, which were answered one after the other.
    pub fn of(dataset: String, records: &[Record]) -> Self {
        let tree = ChainNode::of(records);
        let residue_ms = tree.residue_ms();
        Self {
            dataset,
            requests: records.len(),
            residue_share: match tree.total_ms {
                0.0 => 0.0,
                total => residue_ms / total,
            },
            residue_ms,
            tree,
            ..Self::default()
        }
    }

    /// Adds a second run of the same requests that differs by `with`.
    #[must_use]
    pub fn against(mut self, with: &str, first: &[Record], second: &[Record]) -> Self {
        self.with = Some(with.to_owned());
        self.diff = Some(ChainDiff::of(first, second));
        self.second = Some(ChainNode::of(second));
        self
    }

    /// Returns the result as sentences; the largest growth comes first.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.diff.iter().map(ChainDiff::headline).collect();
        let children = self.tree.children.iter().enumerate();
        if let Some((index, largest)) = children.max_by(|a, b| a.1.share.total_cmp(&b.1.share)) {
            let said = Sentence::new(&format!("{} takes ", largest.name))
                .share(format!("/tree/children/{index}/share"), largest.share)
                .text(" of a request\u{2019}s time, ")
                .number(format!("/tree/children/{index}/mean_ms"), largest.mean_ms)
                .end(" ms each time.");
            findings.push(said);
        }
        let said = Sentence::new("Spans cover all of the wall time except ")
            .number("/residue_ms", self.residue_ms)
            .text(" ms, ")
            .share("/residue_share", self.residue_share)
            .end(" of it.");
        findings.push(said);
        findings
    }
}
