//! One transformer block as kernel launches: seven kernels, plus one if q, k and v are stored in two types,
//! plus one if several workgroups share a row's positions in attention.

use llamaglass_shaders::{
    ATTENTION_MERGE, ATTENTION_TILE_ROWS, COPY_BLOCK, KV_BLOCK, Kv, Variant, attention,
    attention_groups, attention_part, attention_tile, rms_norm, rms_norm_picked,
};

use super::super::error::ForwardError;
use super::super::gpu::{Buffer, Gpu, Work, flat};
use super::super::rows::Rows;
use super::super::shape::{Shape, kernel_kv};
use super::buffers::{Buffers, whole};
use super::matrix::{After, Matrix, To};
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
        let [c, stride, first, count] = [self.c, whole(self.c), first, count].map(|n| n as u32);
        let info = [c, self.eps.to_bits(), stride, first];
        let buffers = [x, &self.weight, y];
        let kernel = rms_norm(self.variant);
        gpu.launch_for(work, &kernel, &buffers, &info, [count, 1, 1]);
    }

    /// Norms the `count` rows of x that sample according to `step` into rows 0 to `count` of y.
    pub fn launch_picked(&self, gpu: &Gpu, x: &Buffer, step: &Buffer, count: usize, y: &Buffer) {
        let info = [self.c as u32, self.eps.to_bits(), whole(self.c) as u32];
        let buffers = [x, &self.weight, y, step];
        let kernel = rms_norm_picked(self.variant);
        gpu.launch(&kernel, &buffers, &info, [count as u32, 1, 1]);
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
    /// Dimensions H, K and D.
    heads: [u32; 3],
    /// Widths H D and F.
    widths: [usize; 2],
}

impl Layer {
    /// Creates a layer with a cache for `shape`.
    ///
    /// # Errors
    /// [`ForwardError::Device`] if the device has too little memory.
    pub fn new(
        weights: Weights,
        config: &ModelConfig,
        shape: Shape,
        gpu: &Gpu,
    ) -> Result<Self, ForwardError> {
        let (h, k, d) = (config.n_heads, config.n_kv_heads, config.head_dim);
        let kv = kernel_kv(shape.kv);
        let positions = shape.positions();
        Ok(Self {
            weights,
            cache: gpu.empty(2 * k * positions * d * kv.bytes())?,
            kv,
            heads: [h, k, d].map(|n| n as u32),
            widths: [h * d, config.ffn_size],
        })
    }

    /// Runs the step's rows through the block in place and writes their keys and values to the cache.
    pub fn launch(&self, gpu: &Gpu, buffers: &Buffers, rows: Rows, angles: &Buffer) {
        let Buffers {
            x,
            normed,
            queries,
            mixed,
            hidden,
            variant,
            ..
        } = buffers;
        let cache = &self.cache;
        let t = rows.total();
        let weights = &self.weights;
        let [h_d, f] = self.widths;
        let residual = To {
            y: x,
            stride: buffers.c,
            column: 0,
            add: true,
        };
        let to = |y, stride, column| To {
            y,
            stride,
            column,
            add: false,
        };

        weights.attn_norm.launch(gpu, x, 0, t, normed);
        let after = After::Qkv([angles, cache, &buffers.step], self.heads, self.kv);
        for (matrix, row) in &weights.qkv {
            let to = to(queries, h_d, *row);
            matrix.launch(gpu, *variant, (normed, t), &to, &after);
        }
        self.attend(gpu, buffers, rows);
        let plain = After::Nothing;
        weights
            .o
            .launch(gpu, *variant, (mixed, t), &residual, &plain);

        weights.ffn_norm.launch(gpu, x, 0, t, normed);
        let to = to(hidden, whole(f), 0);
        let gate_up = &weights.gate_up;
        gate_up.launch(gpu, *variant, (normed, t), &to, &After::Swiglu);
        weights
            .down
            .launch(gpu, *variant, (hidden, t), &residual, &plain);
    }

    /// Copies `count` blocks of the cache to others.
    pub fn copy_blocks(&self, gpu: &Gpu, [from, to]: [u32; 2], count: usize) {
        let [_, k, d] = self.heads;
        let words = 2 * k * d * (KV_BLOCK * self.kv.bytes() / 4) as u32;
        let all = words * count as u32;
        let groups = flat(&COPY_BLOCK, all as usize);
        let info = [from * words, to * words, all];
        gpu.launch(&COPY_BLOCK, &[&self.cache], &info, groups);
    }

    /// Computes attention of the queries over the cache, into `mixed`.
    fn attend(&self, gpu: &Gpu, buffers: &Buffers, rows: Rows) {
        let Buffers {
            queries,
            mixed,
            parts,
            splits,
            step,
            variant,
            ..
        } = buffers;
        let (cache, kv) = (&self.cache, self.kv);
        let [h, k, d] = self.heads;
        let [mixes, keeps] = [h * d, k * d].map(u64::from);
        let work = |rows: usize| Work {
            // Queries are read, and outputs written.
            bytes: 8 * rows as u64 * mixes,
            bytes_a_position: 2 * keeps * kv.bytes() as u64,
            // One product with the key and one with the value.
            flop_a_position: 4 * mixes,
            ..Default::default()
        };
        let stride = whole(self.widths[0]) as u32;
        let Rows { tiled, single, .. } = rows;
        if tiled > 0 {
            let tiles = tiled.div_ceil(ATTENTION_TILE_ROWS) as u32;
            let info = [h, k, d, stride, tiled as u32];
            let read = [queries, cache, mixed, step];
            let kernel = attention_tile(kv);
            gpu.launch_for(work(tiled), &kernel, &read, &info, [h, tiles, 1]);
        }
        if single == 0 {
            return;
        }
        let (t, first) = (single as u32, tiled as u32);
        let [x, y, _] = attention_groups(h as usize, k as usize, *splits);
        let groups = [x, y, t];
        let split = *splits as u32;
        let info = [h, k, d, stride, split, first];
        let work = work(single);
        if split == 1 {
            let read = [queries, cache, mixed, step];
            gpu.launch_for(work, &attention(kv, *variant), &read, &info, groups);
            return;
        }
        let read = [queries, cache, parts, step];
        gpu.launch_for(work, &attention_part(kv, *variant), &read, &info, groups);
        let merge = Work {
            bytes: 4 * u64::from(t) * (u64::from(split) * u64::from(h * (d + 2)) + mixes),
            ..Default::default()
        };
        let info = [h, d, stride, split, first];
        gpu.launch_for(merge, &ATTENTION_MERGE, &[parts, mixed], &info, [h, t, 1]);
    }
}
