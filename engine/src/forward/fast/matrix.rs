//! Matrices on the device, in the format in which they are stored.

use cubecl::bytes::Bytes;
use llamaglass_shaders::{ADD, BLOCK, Format, Kv, Store, Variant, WITH_BIAS, Way, linear};

use super::super::error::ForwardError;
use super::super::gpu::{Buffer, Gpu, Work};
use super::super::memory::check_buffer;
use super::pack::Packed;
use llamaglass_types::BackendInfo;

/// A matrix [OUT, IN] with an optional bias `[OUT]`.
#[derive(Clone)]
pub struct Matrix {
    /// Format of its values.
    pub format: Format,
    /// Blocks per row.
    pub blocks: usize,
    /// Number of rows, OUT.
    pub out: usize,
    /// Quantised values.
    pub quants: Buffer,
    /// Scales, followed by the bias.
    pub side: Buffer,
    /// Word of `side` at which the bias begins.
    bias: Option<usize>,
}

/// Destination of a product.
pub struct To<'a> {
    /// Output buffer [T, stride].
    pub y: &'a Buffer,
    /// Values per row of `y`.
    pub stride: usize,
    /// Column of `y` for row 0 of the matrix.
    pub column: usize,
    /// True if the product is added to the contents of `y`.
    pub add: bool,
}

/// Operation that the kernel applies to a product.
pub enum After<'a> {
    /// Store it.
    Nothing,
    /// Store silu(gate) * up.
    Swiglu,
    /// Apply RoPE and write to the cache. Holds the angles, the cache and the step; H, K, D; the cache's
    /// type.
    Qkv([&'a Buffer; 3], [u32; 3], Kv),
}

impl Matrix {
    /// Uploads a packed matrix; `what` names it in errors.
    ///
    /// # Errors
    /// [`ForwardError::BufferTooLarge`], or [`ForwardError::Device`] if the device has too little memory.
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
            // An empty buffer can't be bound.
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

    /// Multiplies the first `rows` rows of x [.., 32 blocks] by the matrix.
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

/// Number of rows from which every adapter computes in tiles.
pub const TILED_ROWS: usize = 5;

/// Returns the maximum number of rows that are computed one by one, less than [`TILED_ROWS`]. A tile computes
/// eight rows in the time of two single ones.
const fn few(variant: Variant) -> usize {
    match variant {
        Variant::Lanes => 2,
        // Not measured yet.
        Variant::Workgroups | Variant::Subgroups => 4,
    }
}
