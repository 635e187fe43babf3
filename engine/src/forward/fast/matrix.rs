//! Matrices on the device, in the format in which they are stored.

use cubecl::bytes::Bytes;
use llamaglass_shaders::params::LinearParams;
use llamaglass_shaders::{
    BLOCK, Format, Heads, Kv, MatmulKernel, MatrixLayout, Store, Variant, linear,
};

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
    pub scales: Buffer,
    /// Word of `scales` at which the bias begins.
    bias: Option<usize>,
}

/// Product of rows with a matrix.
pub struct Product<'a> {
    /// Input rows x [.., 32 blocks], of which the first `rows` are multiplied.
    pub x: &'a Buffer,
    /// Number of rows.
    pub rows: usize,
    /// Output buffer [T, stride].
    pub y: &'a Buffer,
    /// Values per row of `y`.
    pub stride: usize,
    /// Column of `y` for row 0 of the matrix.
    pub column: usize,
    /// Operation that the kernel applies to the product.
    pub epilogue: Epilogue<'a>,
}

/// Operation that a kernel applies to a product.
pub enum Epilogue<'a> {
    /// Store it.
    Store,
    /// Add it to `y`.
    Add,
    /// Store silu(gate) * up.
    Swiglu,
    /// Apply RoPE and write keys and values to the cache.
    Qkv(Qkv<'a>),
}

/// Buffers and dimensions for rotating queries and keys and for writing to the cache.
pub struct Qkv<'a> {
    /// Cosines and sines, [S, D/2, 2].
    pub angles: &'a Buffer,
    /// Keys and values.
    pub cache: &'a Buffer,
    /// Type of the cache's values.
    pub kv: Kv,
    /// Rows of the step and their block tables.
    pub step: &'a Buffer,
    /// Heads of the layer.
    pub heads: Heads,
}

impl Matrix {
    /// Uploads a packed matrix; `label` names it in errors.
    ///
    /// # Errors
    /// [`ForwardError::BufferTooLarge`], or [`ForwardError::Device`] if the device has too little memory.
    pub fn upload(
        packed: Packed,
        bias: Option<&[f32]>,
        gpu: &Gpu,
        info: &BackendInfo,
        label: impl Fn() -> String,
    ) -> Result<Self, ForwardError> {
        let mut scales = packed.scales;
        let begin = bias.map(|bias| {
            let begin = scales.len();
            scales.extend(bias.iter().map(|value| value.to_bits()));
            begin
        });
        if scales.is_empty() {
            // An empty buffer can't be bound.
            scales.push(0);
        }
        check_buffer(info, &label, packed.quants.len() as u64 * 4)?;
        check_buffer(info, &label, scales.len() as u64 * 4)?;
        Ok(Self {
            format: packed.format,
            blocks: packed.blocks,
            out: packed.rows,
            quants: gpu.create(Bytes::from_elems(packed.quants))?,
            scales: gpu.create(Bytes::from_elems(scales))?,
            bias: begin,
        })
    }

    /// Launches `product` with this matrix.
    pub fn launch(&self, gpu: &Gpu, variant: Variant, product: &Product<'_>) {
        let Product {
            x,
            rows,
            y,
            stride,
            column,
            epilogue,
        } = product;
        let method = if *rows <= max_single_rows(variant) {
            MatmulKernel::Row(variant)
        } else {
            MatmulKernel::Tile
        };
        let mut buffers = vec![*x, &self.quants, &self.scales, *y];
        let (store, outputs) = match epilogue {
            Epilogue::Store => (Store::Plain { add: false }, self.out),
            Epilogue::Add => (Store::Plain { add: true }, self.out),
            Epilogue::Swiglu => (Store::Swiglu, self.out / 2),
            Epilogue::Qkv(qkv) => {
                buffers.extend([qkv.angles, qkv.cache, qkv.step]);
                (Store::Qkv(qkv.kv, qkv.heads), self.out)
            }
        };
        let matrix = MatrixLayout {
            format: self.format,
            blocks: self.blocks,
            bias: self.bias.is_some(),
        };
        let params = LinearParams {
            rows: *rows as u32,
            x_row: 0,
            out: self.out as u32,
            bias_offset: self.bias.unwrap_or(0) as u32,
            y_column: *column as u32,
            y_stride: *stride as u32,
        };
        let inputs = self.blocks * BLOCK;
        let weights = self.quants.bytes() + self.scales.bytes();
        let work = Work {
            bytes: weights + (4 * rows * (inputs + outputs)) as u64,
            flop: (2 * rows * inputs * self.out) as u64,
            ..Default::default()
        };
        let kernel = linear(method, matrix, store);
        let groups = method.groups(*rows, self.out);
        gpu.launch_for(work, &kernel, &buffers, &params, groups);
    }
}

/// Number of rows from which every adapter computes in tiles.
pub const TILED_ROWS: usize = 5;

/// Returns the maximum number of rows that are computed one by one, less than [`TILED_ROWS`]. A tile computes
/// eight rows in the time of two single ones.
const fn max_single_rows(variant: Variant) -> usize {
    match variant {
        Variant::Lanes => 2,
        // Not measured yet.
        Variant::Workgroups | Variant::Subgroups => 4,
    }
}
