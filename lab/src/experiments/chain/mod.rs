//! `chain`: where the time of requests goes, span by span, and what grew between two runs.

mod diff;
#[cfg(feature = "compute")]
mod run;
#[cfg(test)]
mod tests;
mod tree;

pub use diff::{ChainDiff, Growth};
#[cfg(feature = "compute")]
pub use run::run;
pub use tree::ChainNode;

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Sentence};
use llamaglass_engine::stats::Record;

/// What `chain` finds. Times are milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChainData {
    /// The dataset's name.
    pub dataset: String,
    /// What was made worse in the second run, where there is one.
    pub with: Option<String>,
    /// What grew in the second run, worst first.
    pub diff: Option<ChainDiff>,
    /// How many requests.
    pub requests: usize,
    /// Wall time that no span accounts for, of all requests.
    pub residue_ms: f64,
    /// Its share of the wall time, 0 to 1.
    pub residue_share: f64,
    /// The run.
    pub tree: ChainNode,
    /// The second run.
    pub second: Option<ChainNode>,
}

impl ChainData {
    /// Of the requests of one run, which were answered one after the other.
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

    /// The same with a second run of the same requests, in which something was done `with` a difference.
    #[must_use]
    pub fn against(mut self, with: &str, first: &[Record], second: &[Record]) -> Self {
        self.with = Some(with.to_owned());
        self.diff = Some(ChainDiff::of(first, second));
        self.second = Some(ChainNode::of(second));
        self
    }

    /// What it says in sentences; what grew most comes first.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.diff.iter().map(ChainDiff::headline).collect();
        let children = self.tree.children.iter().enumerate();
        if let Some((index, largest)) = children.max_by(|a, b| a.1.share.total_cmp(&b.1.share)) {
            let said = Sentence::new("Of a request\u{2019}s time, ")
                .share(format!("/tree/children/{index}/share"), largest.share)
                .text(&format!(" is {}, ", largest.name))
                .number(format!("/tree/children/{index}/mean_ms"), largest.mean_ms)
                .end(" ms each time.");
            findings.push(said);
        }
        let said = Sentence::new("Spans account for all of the wall time but ")
            .number("/residue_ms", self.residue_ms)
            .text(" ms, ")
            .share("/residue_share", self.residue_share)
            .end(" of it.");
        findings.push(said);
        findings
    }
}
