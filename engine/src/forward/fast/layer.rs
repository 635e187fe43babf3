//! One transformer block as kernel launches: seven kernels, plus one if q, k and v are stored in two types,
//! plus one if several workgroups share a row's positions in attention.

use llamaglass_shaders::params::{
    AttentionParams, AttentionTileParams, CopyBlockParams, NormParams,
};
use llamaglass_shaders::{
    ATTENTION_TILE_ROWS, COPY_BLOCK, Heads, KV_BLOCK, Kv, Variant, attention, attention_groups,
    attention_merge, attention_part, attention_tile, rms_norm, rms_norm_sampled,
};

use super::super::error::ForwardError;
use super::super::gpu::{Buffer, Gpu, Work, flat};
use super::super::rows::Rows;
use super::super::shape::{Shape, kernel_kv};
use super::buffers::{Buffers, padded};
use super::matrix::{Epilogue, Matrix, Product, Qkv};
use crate::weights::ModelConfig;

/// Weight and epsilon of an RMSNorm.
pub struct Norm {
    /// Weight, `[C]` f32.
    pub weight: Buffer,
    /// Hidden size, C.
    pub c: usize,
    /// Added to the mean square.
    pub eps: f32,
    /// Kernel variant to launch.
    pub variant: Variant,
}

impl Norm {
    /// Norms rows `first` to `first + count` of x [.., C] into rows 0 to `count` of y, whose rows are padded
    /// to full blocks.
    pub fn launch(&self, gpu: &Gpu, x: &Buffer, first: usize, count: usize, y: &Buffer) {
        let values = (count * self.c) as u64;
        let work = Work {
            bytes: 8 * values + 4 * self.c as u64,
            flop: 4 * values,
            ..Default::default()
        };
        let buffers = [x, &self.weight, y];
        let kernel = rms_norm(self.variant, self.c);
        let params = self.params(first);
        gpu.launch_for(work, &kernel, &buffers, &params, [count as u32, 1, 1]);
    }

    /// Norms the `count` rows of x that sample according to `step` into rows 0 to `count` of y.
    pub fn launch_sampled(&self, gpu: &Gpu, x: &Buffer, step: &Buffer, count: usize, y: &Buffer) {
        let buffers = [x, &self.weight, y, step];
        let kernel = rms_norm_sampled(self.variant, self.c);
        gpu.launch(&kernel, &buffers, &self.params(0), [count as u32, 1, 1]);
    }

    const fn params(&self, first_row: usize) -> NormParams {
        NormParams {
            eps: self.eps,
            y_stride: padded(self.c) as u32,
            first_row: first_row as u32,
        }
    }
}

/// Weights of a block.
pub struct Weights {
    /// Norm before attention.
    pub attn_norm: Norm,
    /// q, k and v, stacked if they have the same type, each with the row of the full stack [(H + 2K) D, C] at
    /// which it begins.
    pub qkv: Vec<(Matrix, usize)>,
    /// Output projection [C, H D].
    pub o: Matrix,
    /// Norm before the feed-forward layer.
    pub ffn_norm: Norm,
    /// Alternating rows of gate and up, [2F, C].
    pub gate_up: Matrix,
    /// Down projection [C, F].
    pub down: Matrix,
}

/// Weights and KV cache of a block.
pub struct Layer {
    weights: Weights,
    /// Keys and values.
    cache: Buffer,
    kv: Kv,
    heads: Heads,
    /// Size of the feed-forward layer, F.
    ffn: usize,
}

impl Layer {
    /// Creates a layer with a cache for `shape`.
    pub fn new(
        weights: Weights,
        config: &ModelConfig,
        shape: Shape,
        gpu: &Gpu,
    ) -> Result<Self, ForwardError> {
        let heads = Heads {
            queries: config.n_heads,
            kv: config.n_kv_heads,
            dim: config.head_dim,
        };
        let kv = kernel_kv(shape.kv);
        Ok(Self {
            weights,
            cache: gpu.empty(2 * heads.kv * shape.positions() * heads.dim * kv.bytes())?,
            kv,
            heads,
            ffn: config.ffn_size,
        })
    }

    /// Runs the step's rows through the block in place and writes their keys and values to the cache.
    pub fn launch(&self, gpu: &Gpu, buffers: &Buffers, rows: Rows, angles: &Buffer) {
        let Buffers {
            x,
            normed,
            queries,
            attn_out,
            hidden,
            step,
            variant,
            c,
            ..
        } = buffers;
        let weights = &self.weights;
        let rows_total = rows.total();
        // Adds the product of `x` with `matrix` to the residual stream.
        let add_to_residual = |matrix: &Matrix, input| {
            let product = Product {
                x: input,
                rows: rows_total,
                y: x,
                stride: *c,
                column: 0,
                epilogue: Epilogue::Add,
            };
            matrix.launch(gpu, *variant, &product);
        };

        weights.attn_norm.launch(gpu, x, 0, rows_total, normed);
        for (matrix, column) in &weights.qkv {
            let product = Product {
                x: normed,
                rows: rows_total,
                y: queries,
                stride: self.heads.queries * self.heads.dim,
                column: *column,
                epilogue: Epilogue::Qkv(Qkv {
                    angles,
                    cache: &self.cache,
                    kv: self.kv,
                    step,
                    heads: self.heads,
                }),
            };
            matrix.launch(gpu, *variant, &product);
        }
        self.attend(gpu, buffers, rows);
        add_to_residual(&weights.o, attn_out);

        weights.ffn_norm.launch(gpu, x, 0, rows_total, normed);
        let product = Product {
            x: normed,
            rows: rows_total,
            y: hidden,
            stride: padded(self.ffn),
            column: 0,
            epilogue: Epilogue::Swiglu,
        };
        weights.gate_up.launch(gpu, *variant, &product);
        add_to_residual(&weights.down, hidden);
    }

    /// Copies `count` blocks of the cache to others.
    pub fn copy_blocks(&self, gpu: &Gpu, [from, to]: [u32; 2], count: usize) {
        let Heads { kv, dim, .. } = self.heads;
        let block_words = (2 * kv * dim * KV_BLOCK * self.kv.bytes() / 4) as u32;
        let params = CopyBlockParams {
            source: from * block_words,
            destination: to * block_words,
            words: block_words * count as u32,
        };
        let groups = flat(&COPY_BLOCK, params.words as usize);
        gpu.launch(&COPY_BLOCK, &[&self.cache], &params, groups);
    }

    /// Computes attention of the queries over the cache, into `attn_out`.
    fn attend(&self, gpu: &Gpu, buffers: &Buffers, rows: Rows) {
        let Buffers {
            queries,
            attn_out,
            parts,
            splits,
            step,
            variant,
            ..
        } = buffers;
        let (cache, kv, heads) = (&self.cache, self.kv, self.heads);
        let Rows { tiled, single, .. } = rows;
        let out_stride = padded(heads.queries * heads.dim) as u32;
        if tiled > 0 {
            let tiles = tiled.div_ceil(ATTENTION_TILE_ROWS) as u32;
            let params = AttentionTileParams {
                out_stride,
                rows: tiled as u32,
            };
            let kernel = attention_tile(kv, heads);
            let bound = [queries, cache, attn_out, step];
            let groups = [heads.queries as u32, tiles, 1];
            gpu.launch_for(self.attention_work(tiled), &kernel, &bound, &params, groups);
        }
        if single == 0 {
            return;
        }
        let params = AttentionParams {
            out_stride,
            splits: *splits as u32,
            first_row: tiled as u32,
        };
        let [x, y, _] = attention_groups(heads, *splits);
        let groups = [x, y, single as u32];
        let work = self.attention_work(single);
        if *splits == 1 {
            let kernel = attention(kv, *variant, heads);
            let bound = [queries, cache, attn_out, step];
            gpu.launch_for(work, &kernel, &bound, &params, groups);
            return;
        }
        let kernel = attention_part(kv, *variant, heads);
        gpu.launch_for(
            work,
            &kernel,
            &[queries, cache, parts, step],
            &params,
            groups,
        );
        let Heads {
            queries: h, dim, ..
        } = heads;
        let merge = Work {
            bytes: (4 * single * h * (splits * (dim + 2) + dim)) as u64,
            ..Default::default()
        };
        let groups = [h as u32, single as u32, 1];
        let kernel = attention_merge(heads);
        gpu.launch_for(merge, &kernel, &[parts, attn_out], &params, groups);
    }

    /// Returns the minimum work of attention for `rows` rows.
    const fn attention_work(&self, rows: usize) -> Work {
        let Heads { queries, kv, dim } = self.heads;
        Work {
            // Queries are read, and outputs written.
            bytes: (8 * rows * queries * dim) as u64,
            flop: 0,
            bytes_per_position: (2 * kv * dim * self.kv.bytes()) as u64,
            // One product with the key and one with the value.
            flops_per_position: (4 * queries * dim) as u64,
        }
    }
}
