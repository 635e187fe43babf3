//! One block as launches: seven kernels, and one more where q, k and v are stored in two types.

use cubecl::client::Client;
use cubecl::server::Handle;
use llamaglass_shaders::{ATTENTION, ATTENTION_TILE, ATTENTION_TILE_ROWS, RMS_NORM};

use super::super::kernel::launch;
use super::buffers::{Buffers, Step, whole};
use super::matrix::{After, Matrix, To};
use crate::weights::ModelConfig;

/// RMSNorm's weight and epsilon.
pub struct Norm {
    /// `[C]` f32.
    pub weight: Handle,
    /// C.
    pub c: usize,
    /// Added to the mean square.
    pub eps: f32,
}

impl Norm {
    /// Rows `first` to `first + count` of x [.., C], normed, to rows 0 to `count` of y, which are
    /// whole blocks.
    pub fn launch(&self, client: &Client, x: &Handle, first: usize, count: usize, y: &Handle) {
        let [c, first, stride, count] = [self.c, first, whole(self.c), count].map(|n| n as u32);
        let info = [c, self.eps.to_bits(), first, stride];
        launch(
            client,
            &RMS_NORM,
            &[x, &self.weight, y],
            &info,
            [count, 1, 1],
        );
    }
}

/// A block's weights.
pub struct Weights {
    /// Before attention.
    pub attn_norm: Norm,
    /// q, k and v, stacked as far as they are of one type, and the row of the whole stack
    /// [(H + 2K) D, C] where each begins.
    pub qkv: Vec<(Matrix, usize)>,
    /// [C, H D].
    pub o: Matrix,
    /// Before the feed-forward layer.
    pub ffn_norm: Norm,
    /// Rows of gate and up in turn: [2F, C].
    pub gate_up: Matrix,
    /// [C, F].
    pub down: Matrix,
}

/// A block's weights and its KV cache.
pub struct Layer {
    weights: Weights,
    /// [2, K, S, D]: keys, values.
    cache: Handle,
    /// H, K, D, S.
    heads: [u32; 4],
    /// H D and F.
    widths: [usize; 2],
}

impl Layer {
    /// Makes a cache of `context` positions.
    pub fn new(weights: Weights, config: &ModelConfig, context: usize, client: &Client) -> Self {
        let (h, k, d) = (config.n_heads, config.n_kv_heads, config.head_dim);
        Self {
            weights,
            cache: client.empty(2 * k * context * d * 4),
            heads: [h, k, d, context].map(|n| n as u32),
            widths: [h * d, config.ffn_size],
        }
    }

    /// The step's rows through the block, in place, its keys and values into the cache.
    pub fn launch(&self, client: &Client, buffers: &Buffers, step: &Step, angles: &Handle) {
        let Buffers {
            normed,
            queries,
            mixed,
            hidden,
            one_row,
            ..
        } = buffers;
        let Step { x, tokens: t } = step;
        let (t, cache) = (*t, &self.cache);
        let weights = &self.weights;
        let [h, k, d, s] = self.heads;
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

        weights.attn_norm.launch(client, x, 0, t, normed);
        let after = After::Qkv([angles, cache, &buffers.step], self.heads);
        for (matrix, row) in &weights.qkv {
            let to = to(queries, h_d, *row);
            matrix.launch(client, *one_row, (normed, t), &to, &after);
        }
        let info = [h, k, d, s, whole(h_d) as u32, t as u32];
        let read = [queries, cache, mixed, &buffers.step];
        if t == 1 {
            launch(client, &ATTENTION, &read, &info[..5], [h, 1, 1]);
        } else {
            let tiles = t.div_ceil(ATTENTION_TILE_ROWS) as u32;
            launch(client, &ATTENTION_TILE, &read, &info, [h, tiles, 1]);
        }
        let plain = After::Nothing;
        weights
            .o
            .launch(client, *one_row, (mixed, t), &residual, &plain);

        weights.ffn_norm.launch(client, x, 0, t, normed);
        let to = to(hidden, whole(f), 0);
        let gate_up = &weights.gate_up;
        gate_up.launch(client, *one_row, (normed, t), &to, &After::Swiglu);
        weights
            .down
            .launch(client, *one_row, (hidden, t), &residual, &plain);
    }
}
