//! Breakdown of a step's `compute` span by part of the model.

use serde::{Deserialize, Serialize};
use strum::VariantNames as _;

/// Part of the model. Every operation from token ids to logits belongs to exactly one part; sampling has a span of
/// its own, [`Span::Sample`](super::Span::Sample).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum ModelPart {
    /// Looking up the rows of the embedding table.
    Embedding,
    /// All RMSNorms: before attention and feed-forward in each layer, and before the head.
    Norm,
    /// Query, key and value projections, RoPE, writes to the KV cache, attention itself, and the output projection
    /// with its addition to the residual stream; summed over layers.
    Attention,
    /// Gate and up projections, SwiGLU, and the down projection with its addition to the residual stream; summed
    /// over layers.
    FeedForward,
    /// Multiplying by the output matrix, which yields the logits.
    Head,
}

impl ModelPart {
    /// All parts, in the order in which a step first reaches them.
    pub const ALL: [Self; 5] = *<Self as strum::VariantArray>::VARIANTS
        .first_chunk()
        .expect("5 parts");

    /// Name of the part in every report and trace.
    pub const fn name(self) -> &'static str {
        Self::VARIANTS[self as usize]
    }

    /// Label of the part on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::FeedForward => "feed-forward",
            part => part.name(),
        }
    }
}

/// Milliseconds per part of the model, on the clock of the step. They lie within
/// [`Span::Compute`](super::Span::Compute) and are sums over layers, so they have no start. Parts that took no time
/// are not serialised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<(ModelPart, f64)>", into = "Vec<(ModelPart, f64)>")]
pub struct PartTimes([f64; ModelPart::ALL.len()]);

impl PartTimes {
    /// Adds `ms` to `part`.
    pub const fn add(&mut self, part: ModelPart, ms: f64) {
        self.0[part as usize] += ms;
    }

    /// Adds the times of `other` to these.
    pub fn merge(&mut self, other: &Self) {
        for (part, ms) in other.iter() {
            self.add(part, ms);
        }
    }

    /// Returns the milliseconds that `part` took.
    pub const fn get(&self, part: ModelPart) -> f64 {
        self.0[part as usize]
    }

    /// Iterates over the parts that took any time, in order.
    pub fn iter(&self) -> impl Iterator<Item = (ModelPart, f64)> + '_ {
        ModelPart::ALL
            .into_iter()
            .zip(self.0)
            .filter(|(_, ms)| *ms != 0.0)
    }

    /// Returns the milliseconds that all parts took together.
    pub fn total(&self) -> f64 {
        // Not `sum`, which returns -0 for an empty iterator.
        self.0.iter().fold(0.0, |sum, ms| sum + ms)
    }
}

impl From<Vec<(ModelPart, f64)>> for PartTimes {
    fn from(pairs: Vec<(ModelPart, f64)>) -> Self {
        let mut parts = Self::default();
        for (part, ms) in pairs {
            parts.add(part, ms);
        }
        parts
    }
}

impl From<PartTimes> for Vec<(ModelPart, f64)> {
    fn from(parts: PartTimes) -> Self {
        parts.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_serialised_by_name_without_zeros() {
        let mut parts = PartTimes::default();
        parts.add(ModelPart::FeedForward, 1.5);
        parts.add(ModelPart::Norm, 0.25);
        let json = serde_json::to_string(&parts).expect("serialises");
        assert_eq!(json, r#"[["norm",0.25],["feed_forward",1.5]]"#);
        let back: PartTimes = serde_json::from_str(&json).expect("parses");
        assert_eq!(back, parts);
    }

    #[test]
    fn times_of_the_same_part_add_up() {
        let mut parts = PartTimes::default();
        assert_eq!(parts.iter().count(), 0);
        parts.add(ModelPart::Attention, 1.0);
        parts.add(ModelPart::Head, 2.0);
        parts.add(ModelPart::Attention, 4.0);
        assert_eq!(parts.get(ModelPart::Attention), 5.0);
        assert_eq!(parts.get(ModelPart::Embedding), 0.0);
        assert_eq!(parts.total(), 7.0);
        let mut twice = parts;
        twice.merge(&parts);
        assert_eq!(twice.total(), 14.0);
        let iterated: Vec<_> = parts.iter().collect();
        assert_eq!(
            iterated,
            [(ModelPart::Attention, 5.0), (ModelPart::Head, 2.0)]
        );
    }
}
