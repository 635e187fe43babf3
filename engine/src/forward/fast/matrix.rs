//! Matrices on the device, in the format they are stored in.

use cubecl::bytes::Bytes;
use llamaglass_shaders::{ADD, BLOCK, Format, Kv, Store, Variant, WITH_BIAS, Way, linear};

use super::super::error::ForwardError;
use super::super::gpu::{Buffer, Gpu, Work};
use super::super::info::BackendInfo;
use super::super::memory::check_buffer;
use super::pack::Packed;

/// A matrix [OUT, IN] and perhaps a bias `[OUT]`.
#[derive(Clone)]
pub struct Matrix {
    /// How its values are stored.
    pub format: Format,
    /// Blocks a row.
    pub blocks: usize,
    /// OUT.
    pub out: usize,
    /// Numbers.
    pub quants: Buffer,
    /// Scales, and the bias behind them.
    pub side: Buffer,
    /// Where the bias begins in `side`.
    bias: Option<usize>,
}

/// Where a product goes.
pub struct To<'a> {
    /// [T, stride].
    pub y: &'a Buffer,
    /// Values a row of y has.
    pub stride: usize,
    /// The column that row 0 of the matrix is.
    pub column: usize,
    /// Whether what y held is added.
    pub add: bool,
}

/// What is done with a product.
pub enum After<'a> {
    /// It is stored.
    Nothing,
    /// silu(gate) * up.
    Swiglu,
    /// RoPE and the write into the cache: angles, cache and step, H, K, D, and the cache's type.
    Qkv([&'a Buffer; 3], [u32; 3], Kv),
}

impl Matrix {
    /// Puts a packed matrix on the device; `what` names it for people.
    ///
    /// # Errors
    /// [`ForwardError::BufferTooLarge`], or [`ForwardError::Device`] where the device has no room.
    pub fn upload(
        packed: Packed,
        bias: Option<&[f32]>,
        gpu: &Gpu,
        info: &BackendInfo,
        what: impl Fn() -> String,
    ) -> Result<Self, ForwardError> {
        let mut side = packed.side;
        let begin = bias.map(|bias| {
            let begin = side.len();
            side.extend(bias.iter().map(|value| value.to_bits()));
            begin
        });
        if side.is_empty() {
            // A buffer of nothing can't be bound.
            side.push(0);
        }
        check_buffer(info, &what, packed.quants.len() as u64 * 4)?;
        check_buffer(info, &what, side.len() as u64 * 4)?;
        Ok(Self {
            format: packed.format,
            blocks: packed.blocks,
            out: packed.rows,
            quants: gpu.create(Bytes::from_elems(packed.quants))?,
            side: gpu.create(Bytes::from_elems(side))?,
            bias: begin,
        })
    }

    /// The first `rows` of x [.., 32 blocks] times the matrix.
    pub fn launch(
        &self,
        gpu: &Gpu,
        variant: Variant,
        (x, rows): (&Buffer, usize),
        to: &To<'_>,
        after: &After<'_>,
    ) {
        let way = if rows <= few(variant) {
            Way::Row(variant)
        } else {
            Way::Tile
        };
        let flags = self.bias.map_or(0, |_| WITH_BIAS) | if to.add { ADD } else { 0 };
        let [t, blocks, out, column, stride] =
            [rows, self.blocks, self.out, to.column, to.stride].map(|n| n as u32);
        let bias = self.bias.unwrap_or(0) as u32;
        let groups = way.groups(rows, self.out);
        let kernel = |store| linear(way, self.format, store);
        let (inputs, stored) = (
            rows * 4 * self.blocks * BLOCK,
            self.quants.bytes() + self.side.bytes(),
        );
        let work = |outputs: usize| Work {
            bytes: stored + (inputs + 4 * rows * outputs) as u64,
            flop: (2 * rows * self.blocks * BLOCK * self.out) as u64,
            ..Default::default()
        };
        match after {
            After::Nothing | After::Swiglu => {
                let (store, outputs) = match after {
                    After::Swiglu => (Store::Swiglu, self.out / 2),
                    _ => (Store::Plain, self.out),
                };
                let info = [t, blocks, out, flags, 0, bias, column, stride];
                let buffers = [x, &self.quants, &self.side, to.y];
                gpu.launch_for(work(outputs), &kernel(store), &buffers, &info, groups);
            }
            After::Qkv([angles, cache, step], [h, k, d], kv) => {
                let info = [t, blocks, out, flags, 0, bias, column, stride, *h, *k, *d];
                let buffers = [x, &self.quants, &self.side, to.y, *angles, *cache, *step];
                let kernel = kernel(Store::Qkv(*kv));
                gpu.launch_for(work(self.out), &kernel, &buffers, &info, groups);
            }
        }
    }
}

/// So many rows are computed in tiles on every adapter.
pub const TILED_ROWS: usize = 5;

/// How many rows are computed one by one, fewer than [`TILED_ROWS`]: a tile computes eight for what two cost alone.
const fn few(variant: Variant) -> usize {
    match variant {
        Variant::Lanes => 2,
        // Not measured yet.
        Variant::Workgroups | Variant::Subgroups => 4,
    }
}
