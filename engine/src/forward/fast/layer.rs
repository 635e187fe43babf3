//! One block as launches: nine kernels.

use burn::tensor::Tensor;
use cubecl::client::Client;
use cubecl::server::Handle;
use llamaglass_shaders::{ADD, ATTENTION, LINEAR_TILE, RMS_NORM, ROPE, SWIGLU, WITH_BIAS};

use super::super::error::ForwardError;
use super::super::kernel::{flat, launch};
use super::super::parameters::{Block, Linear, RmsNorm};
use super::buffers::{Buffers, Step};
use super::handle;
use crate::weights::ModelConfig;

/// RMSNorm's weight and epsilon.
pub struct Norm {
    weight: Handle,
    c: usize,
    eps: f32,
}

impl Norm {
    /// Takes the weight's buffer.
    pub fn new(norm: RmsNorm) -> Result<Self, ForwardError> {
        Ok(Self {
            c: norm.weight.dims()[1],
            weight: handle(norm.weight)?,
            eps: norm.eps,
        })
    }

    /// Rows `first` to `first + count` of x, normed, to rows 0 to `count` of y.
    pub fn launch(&self, client: &Client, x: &Handle, first: usize, count: usize, y: &Handle) {
        let info = [self.c as u32, self.eps.to_bits(), first as u32];
        let groups = [count as u32, 1, 1];
        launch(client, &RMS_NORM, &[x, &self.weight, y], &info, groups);
    }
}

/// A matrix [out, in] and perhaps a bias of [1, out].
pub struct Product {
    weight: Handle,
    bias: Option<Handle>,
    out: usize,
    inputs: usize,
}

impl Product {
    /// Takes the buffers of both.
    pub fn new(linear: Linear) -> Result<Self, ForwardError> {
        Ok(Self {
            bias: linear.bias.map(handle).transpose()?,
            ..Self::of_matrix(linear.weight)?
        })
    }

    /// Takes the matrix' buffer.
    pub fn of_matrix(matrix: Tensor<2>) -> Result<Self, ForwardError> {
        let [out, inputs] = matrix.dims();
        Ok(Self {
            weight: handle(matrix)?,
            bias: None,
            out,
            inputs,
        })
    }

    /// The first `rows` of x [.., in] times the matrix, to `y`: a buffer, the values a row of it
    /// has, and the first column to write. What y held is added where `add` is.
    pub fn launch(
        &self,
        client: &Client,
        buffers: &Buffers,
        (x, rows): (&Handle, usize),
        (y, stride, column): (&Handle, usize, usize),
        add: bool,
    ) {
        let way = if rows == 1 {
            buffers.one_row
        } else {
            &LINEAR_TILE
        };
        let bias = self.bias.as_ref();
        let flags = bias.map_or(0, |_| WITH_BIAS) | if add { ADD } else { 0 };
        let info = [
            rows,
            self.inputs,
            self.out,
            flags as usize,
            0,
            stride,
            column,
        ];
        launch(
            client,
            way.kernel(self.inputs),
            &[x, &self.weight, bias.unwrap_or(&buffers.no_bias), y],
            &info.map(|value| value as u32),
            way.groups(rows, self.out),
        );
    }
}

/// A block's weights and its KV cache.
pub struct Layer {
    attn_norm: Norm,
    qkv: Product,
    o: Product,
    ffn_norm: Norm,
    gate_up: Product,
    down: Product,
    /// Each [K, S, D].
    keys: Handle,
    values: Handle,
    /// H, K, D, S.
    heads: [u32; 4],
    /// F.
    f: usize,
}

impl Layer {
    /// Takes the block's buffers and makes a cache of `context` positions.
    pub fn new(
        block: Block,
        config: &ModelConfig,
        context: usize,
        client: &Client,
    ) -> Result<Self, ForwardError> {
        let (h, k, d) = (config.n_heads, config.n_kv_heads, config.head_dim);
        let cache = || client.empty(k * context * d * 4);
        Ok(Self {
            attn_norm: Norm::new(block.attn_norm)?,
            qkv: Product::new(block.qkv)?,
            o: Product::new(block.o)?,
            ffn_norm: Norm::new(block.ffn_norm)?,
            gate_up: Product::new(block.gate_up)?,
            down: Product::new(block.down)?,
            keys: cache(),
            values: cache(),
            heads: [h, k, d, context].map(|n| n as u32),
            f: config.ffn_size,
        })
    }

    /// The step's rows through the block, in place, its keys and values into the cache.
    pub fn launch(
        &self,
        client: &Client,
        buffers: &Buffers,
        step: &Step,
        [cosines, sines]: [&Handle; 2],
    ) {
        let Buffers {
            normed,
            qkv,
            mixed,
            gate_up,
            hidden,
            c,
            ..
        } = buffers;
        let Step { x, tokens } = step;
        let (keys, values) = (&self.keys, &self.values);
        let t = *tokens;
        let [h, k, d, s] = self.heads;
        let row = (h + 2 * k) as usize * d as usize;

        self.attn_norm.launch(client, x, 0, t, normed);
        let to = (qkv, row, 0);
        self.qkv.launch(client, buffers, (normed, t), to, false);
        launch(
            client,
            &ROPE,
            &[qkv, cosines, sines, keys, values, &buffers.step],
            &[t as u32, h, k, d, s],
            flat(&ROPE, t * row / 2),
        );
        launch(
            client,
            &ATTENTION,
            &[qkv, keys, values, mixed, &buffers.step],
            &self.heads,
            [h, t as u32, 1],
        );
        let to = (x, *c, 0);
        self.o.launch(client, buffers, (mixed, t), to, true);

        self.ffn_norm.launch(client, x, 0, t, normed);
        let to = (gate_up, 2 * self.f, 0);
        self.gate_up.launch(client, buffers, (normed, t), to, false);
        launch(
            client,
            &SWIGLU,
            &[gate_up, hidden],
            &[t as u32, self.f as u32],
            flat(&SWIGLU, t * self.f),
        );
        let to = (x, *c, 0);
        self.down.launch(client, buffers, (hidden, t), to, true);
    }
}
