//! Weights of a layer, and the products with its matrices.

use super::config::Dimensions;
use crate::activations::Activations;
use crate::kernels::Kernels;
use crate::matrix::{GROUP, Matrix, RowOrder};
use crate::work::Work;

/// A projection of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Projection {
    /// Queries [H D, C].
    Query,
    /// Keys [K D, C].
    Key,
    /// Values [K D, C].
    Value,
    /// Attention's output [C, H D].
    AttnOutput,
    /// Gate of the feed-forward layer [F, C].
    Gate,
    /// Up projection [F, C].
    Up,
    /// Down projection [C, F].
    Down,
}

impl Projection {
    /// All projections.
    pub const ALL: [Self; 7] = [
        Self::Query,
        Self::Key,
        Self::Value,
        Self::AttnOutput,
        Self::Gate,
        Self::Up,
        Self::Down,
    ];

    /// Returns the name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Key => "key",
            Self::Value => "value",
            Self::AttnOutput => "attention output",
            Self::Gate => "gate",
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    /// Returns the numbers of rows and columns.
    pub const fn shape(self, dimensions: &Dimensions) -> [usize; 2] {
        let Dimensions {
            hidden, heads, ffn, ..
        } = dimensions;
        let (queries, keys) = (heads.queries * heads.dim, heads.kv * heads.dim);
        match self {
            Self::Query => [queries, *hidden],
            Self::Key | Self::Value => [keys, *hidden],
            Self::AttnOutput => [*hidden, queries],
            Self::Gate | Self::Up => [*ffn, *hidden],
            Self::Down => [*hidden, *ffn],
        }
    }

    /// Returns how the rows are reordered, so that pairs that are rotated together are adjacent.
    pub const fn order(self, dimensions: &Dimensions) -> RowOrder {
        match self {
            Self::Query | Self::Key if dimensions.halves => {
                RowOrder::HalvesToPairs(dimensions.heads.dim)
            }
            _ => RowOrder::Stored,
        }
    }
}

/// Weights of a layer.
#[derive(Debug)]
pub struct Layer {
    /// Weight of the norm before attention.
    pub attn_norm: Vec<f32>,
    /// Weight of the norm before the feed-forward layer.
    pub ffn_norm: Vec<f32>,
    /// Matrix and bias of each projection, in the order of [`Projection::ALL`].
    pub projections: Vec<(Matrix, Option<Vec<f32>>)>,
}

impl Layer {
    /// Number of groups of 16 rows of a projection.
    pub fn groups(&self, projection: Projection) -> usize {
        self.projections[projection as usize].0.groups()
    }

    /// Work of a product of `rows` rows with a projection.
    pub fn work(&self, projection: Projection, rows: usize) -> Work {
        self.projections[projection as usize].0.work(rows)
    }

    /// Computes y [T, 16] = x w^T + bias for a group of rows of a projection.
    pub fn apply(
        &self,
        projection: Projection,
        kernels: Kernels,
        group: usize,
        x: &Activations,
        y: &mut [[f32; GROUP]],
    ) {
        let (matrix, bias) = &self.projections[projection as usize];
        kernels.linear(matrix, group, x, y);
        if let Some(bias) = bias {
            let bias = &bias[group * GROUP..bias.len().min((group + 1) * GROUP)];
            for y in y {
                y.iter_mut().zip(bias).for_each(|(y, bias)| *y += bias);
            }
        }
    }
}
