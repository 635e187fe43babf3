//! The operations of a step, each shared by the pool's threads.

use llamaglass_shaders::Heads;

use super::buffers::{Buffers, Scratch, gather};
use super::layer::{Layer, Projection};
use super::rope::rotate;
use super::{Row, Runtime};
use crate::activations::{Activations, best_tile, write_row};
use crate::cache::value_stride;
use crate::kernels::half_block;
use crate::matrix::{GROUP, Matrix};
use crate::split::for_each_chunk;

/// Least number of groups of 16 rows of a matrix that a thread claims at once.
const LEAST_GROUPS: usize = 4;
/// Number of rows from which on threads share work that is proportional to rows, such as norms. Below it, waking
/// a thread costs more than the work.
const SHARED_ROWS: usize = 8;

/// A step that is being computed.
pub struct Step<'a> {
    /// Its rows.
    pub rows: &'a [Row],
    /// Rows per tile of activations.
    tile: usize,
    /// Number of rows in buffers, including those that fill the last tile.
    pub padded: usize,
    /// Kernels and threads.
    pub runtime: &'a Runtime,
    /// Working memory.
    pub buffers: &'a mut Buffers,
}

impl<'a> Step<'a> {
    /// Prepares a step of `rows`.
    pub fn new(runtime: &'a Runtime, buffers: &'a mut Buffers, rows: &'a [Row]) -> Self {
        let tile = best_tile(rows.len(), runtime.kernels.largest_tile());
        Self {
            rows,
            tile,
            padded: rows.len().next_multiple_of(tile),
            runtime,
            buffers,
        }
    }

    /// Returns the least number of chunks that a thread claims of work that is proportional to rows.
    pub const fn least_chunks(&self) -> usize {
        least_chunks(self.rows.len())
    }

    /// Looks the ids up in `embedding`, whose rows have `hidden` values.
    pub fn embed(&mut self, embedding: &Matrix, hidden: usize) {
        let least = self.least_chunks();
        let (rows, padded) = (self.rows, self.padded);
        let Buffers {
            residual, scratch, ..
        } = &mut *self.buffers;
        let residual = &mut residual[..hidden.div_ceil(GROUP) * padded];
        let pool = &self.runtime.pool;
        for_each_chunk(
            pool,
            least,
            residual,
            padded,
            scratch,
            |_, group, columns| {
                for (columns, row) in columns.iter_mut().zip(rows) {
                    *columns = half_block(embedding, row.id as usize, group);
                }
            },
        );
    }

    /// Norms all rows of the residual stream into the input of the next products.
    pub fn norm_all(&mut self, weight: &[f32], eps: f32) {
        self.norm_rows(weight, eps, self.rows.len(), self.tile, |row| row);
    }

    /// Norms the rows of the residual stream with the indices `rows`.
    pub fn norm(&mut self, weight: &[f32], eps: f32, rows: &[usize]) {
        let tile = best_tile(rows.len(), self.runtime.kernels.largest_tile());
        self.norm_rows(weight, eps, rows.len(), tile, |row| rows[row]);
    }

    /// RMSNorm (arXiv:1910.07467).
    fn norm_rows(
        &mut self,
        weight: &[f32],
        eps: f32,
        rows: usize,
        tile: usize,
        row_of: impl Fn(usize) -> usize + Sync,
    ) {
        let padded = self.padded;
        let Buffers {
            residual,
            x,
            scratch,
            ..
        } = &mut *self.buffers;
        let columns = weight.len();
        x.resize(rows, columns, tile);
        fill(self.runtime, x, scratch, columns, |row, to| {
            gather(residual, padded, row_of(row), 0, to);
            let mut squares = [0.0; GROUP];
            for values in to.chunks(GROUP) {
                for (sum, value) in squares.iter_mut().zip(values) {
                    *sum += value * value;
                }
            }
            let mean = squares.iter().sum::<f32>() / columns as f32;
            let scale = (mean + eps).sqrt().recip();
            for (value, weight) in to.iter_mut().zip(weight) {
                *value = *value * scale * weight;
            }
        });
    }

    /// Computes queries, keys and values, and rotates queries and keys.
    pub fn qkv(&mut self, layer: &Layer, heads: Heads, angles: &[[f32; 2]]) {
        let (rows, padded, kernels) = (self.rows, self.padded, self.runtime.kernels);
        let Buffers {
            qkv, x, scratch, ..
        } = &mut *self.buffers;
        let [q, k, v] = [Projection::Query, Projection::Key, Projection::Value]
            .map(|projection| layer.groups(projection));
        let qkv = &mut qkv[..(q + k + v) * padded];
        let pool = &self.runtime.pool;
        for_each_chunk(pool, LEAST_GROUPS, qkv, padded, scratch, |_, index, y| {
            let (projection, group) = if index < q {
                (Projection::Query, index)
            } else if index < q + k {
                (Projection::Key, index - q)
            } else {
                (Projection::Value, index - q - k)
            };
            layer.apply(projection, kernels, group, x, y);
            if projection != Projection::Value {
                rotate(y, rows, group * GROUP, heads.dim, angles);
            }
        });
    }

    /// Multiplies the output of attention by its projection and adds the product to the residual stream.
    pub fn attn_output(&mut self, layer: &Layer, heads: Heads, hidden: usize) {
        let padded = self.padded;
        let Buffers {
            attn_out,
            x,
            scratch,
            ..
        } = &mut *self.buffers;
        let width = value_stride(heads.dim);
        let shared = heads.queries / heads.kv;
        let columns = heads.queries * heads.dim;
        x.resize(self.rows.len(), columns, self.tile);
        fill(self.runtime, x, scratch, columns, |row, to| {
            for (head, to) in to.chunks_exact_mut(heads.dim).enumerate() {
                let at = ((head / shared * padded + row) * shared + head % shared) * width;
                to.copy_from_slice(&attn_out[at..at + heads.dim]);
            }
        });
        self.add(layer, Projection::AttnOutput, hidden);
    }

    /// Computes silu(gate) * up.
    pub fn gate_up(&mut self, layer: &Layer, ffn: usize) {
        let (padded, kernels) = (self.padded, self.runtime.kernels);
        let Buffers {
            hidden: product,
            x,
            scratch,
            ..
        } = &mut *self.buffers;
        let product = &mut product[..ffn.div_ceil(GROUP) * padded];
        let pool = &self.runtime.pool;
        let least = LEAST_GROUPS / 2;
        for_each_chunk(
            pool,
            least,
            product,
            padded,
            scratch,
            |scratch, group, gate| {
                let up = &mut scratch.y[..padded];
                layer.apply(Projection::Gate, kernels, group, x, gate);
                layer.apply(Projection::Up, kernels, group, x, up);
                kernels.swiglu(gate, up);
            },
        );
    }

    /// Multiplies the feed-forward layer's values by the down projection and adds the product to the residual
    /// stream.
    pub fn down(&mut self, layer: &Layer, ffn: usize, hidden: usize) {
        let padded = self.padded;
        let Buffers {
            hidden: product,
            x,
            scratch,
            ..
        } = &mut *self.buffers;
        x.resize(self.rows.len(), ffn, self.tile);
        fill(self.runtime, x, scratch, ffn, |row, to| {
            gather(product, padded, row, 0, to);
        });
        self.add(layer, Projection::Down, hidden);
    }

    /// Adds the product with a projection to the residual stream.
    fn add(&mut self, layer: &Layer, projection: Projection, hidden: usize) {
        let (padded, kernels) = (self.padded, self.runtime.kernels);
        let Buffers {
            residual,
            x,
            scratch,
            ..
        } = &mut *self.buffers;
        let residual = &mut residual[..hidden.div_ceil(GROUP) * padded];
        let pool = &self.runtime.pool;
        for_each_chunk(
            pool,
            LEAST_GROUPS,
            residual,
            padded,
            scratch,
            |scratch, group, to| {
                let y = &mut scratch.y[..padded];
                layer.apply(projection, kernels, group, x, y);
                let y = y.as_flattened();
                to.as_flattened_mut()
                    .iter_mut()
                    .zip(y)
                    .for_each(|(to, y)| *to += y);
            },
        );
    }

    /// Multiplies `count` normed rows by the output matrix.
    pub fn head(&mut self, matrix: &Matrix, count: usize) {
        let kernels = self.runtime.kernels;
        let pool = &self.runtime.pool;
        let Buffers {
            logit_groups,
            logits,
            x,
            scratch,
            ..
        } = &mut *self.buffers;
        let padded = x.padded_rows();
        let groups = &mut logit_groups[..matrix.groups() * padded];
        for_each_chunk(
            pool,
            LEAST_GROUPS,
            groups,
            padded,
            scratch,
            |_, group, y| {
                kernels.linear(matrix, group, x, y);
            },
        );
        // A single row is in order already.
        if count > 1 {
            let logits = &mut logits[..count * matrix.rows];
            for_each_chunk(pool, 1, logits, matrix.rows, scratch, |_, row, logits| {
                gather(groups, padded, row, 0, logits);
            });
        }
    }
}

const fn least_chunks(rows: usize) -> usize {
    if rows < SHARED_ROWS { usize::MAX } else { 1 }
}

/// Fills `x` with rows of `columns` values. `write` writes a row; threads share the tiles.
fn fill(
    runtime: &Runtime,
    x: &mut Activations,
    scratch: &mut [Scratch],
    columns: usize,
    write: impl Fn(usize, &mut [f32]) + Sync,
) {
    let (rows, tile, len) = (x.rows(), x.tile(), x.tile_len());
    let least = least_chunks(rows);
    let tiles = x.tiles_mut();
    for_each_chunk(
        &runtime.pool,
        least,
        tiles,
        len,
        scratch,
        |scratch, index, to| {
            let values = &mut scratch.row[..columns];
            for i in 0..tile {
                let row = index * tile + i;
                if row < rows {
                    write(row, values);
                } else {
                    values.fill(0.0);
                }
                write_row(to, tile, i, values);
            }
        },
    );
}
