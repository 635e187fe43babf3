//! Kernels, compiled for each instruction set and chosen at run time.

mod attention;
mod compiled;
mod half_block;
mod linear;
mod peak;
mod swiglu;
#[cfg(test)]
mod tests;
mod weights;

use llamaglass_types::InstructionSet;

use crate::activations::Activations;
use crate::matrix::{GROUP, Matrix, RowWords};
pub use attention::Attention;
pub use half_block::half_block;
pub use peak::MAX_SUMS;

/// The kernels of one instruction set that this machine has.
#[derive(Clone, Copy, Debug)]
pub struct Kernels(&'static Compiled);

/// Functions compiled for an instruction set. Only [`Kernels`] calls them.
#[derive(Debug)]
struct Compiled {
    instruction_set: InstructionSet,
    largest_tile: usize,
    linear: unsafe fn(&Matrix, usize, &Activations, &mut [[f32; GROUP]]),
    swiglu: unsafe fn(&mut [[f32; GROUP]], &[[f32; GROUP]]),
    attention_f32: unsafe fn(Attention<'_, f32>),
    attention_f16: unsafe fn(Attention<'_, u16>),
    read: unsafe fn(&[RowWords], &mut [[f32; GROUP]; 2]),
    multiply_adds: unsafe fn(usize, [f32; 2], &mut [f32; MAX_SUMS]),
    /// Number of sums of `multiply_adds`.
    sums: usize,
}

impl Kernels {
    /// Returns the kernels of `set`, or `None` if this machine lacks it.
    pub fn of(set: InstructionSet) -> Option<Self> {
        Self::all().find(|kernels| kernels.instruction_set() == set)
    }

    /// Returns the fastest kernels that this machine can run.
    pub fn best() -> Self {
        Self::all().next().unwrap_or(Self(compiled::FALLBACK))
    }

    /// All kernels that this machine can run, the fastest first.
    pub fn all() -> impl Iterator<Item = Self> {
        compiled::available().map(Self)
    }

    /// The instruction set.
    pub const fn instruction_set(self) -> InstructionSet {
        self.0.instruction_set
    }

    /// Maximum number of rows per tile of activations.
    pub const fn largest_tile(self) -> usize {
        self.0.largest_tile
    }

    /// Computes y [T, 16] = x w^T for group `group` of `matrix`; T includes the rows that fill the last tile.
    #[inline]
    pub fn linear(self, matrix: &Matrix, group: usize, x: &Activations, y: &mut [[f32; GROUP]]) {
        debug_assert_eq!(matrix.padded_columns(), x.columns());
        // SAFETY: `Self` exists only for instruction sets that were detected.
        unsafe { (self.0.linear)(matrix, group, x, y) }
    }

    /// Replaces `gate` by silu(gate) * up.
    #[inline]
    pub fn swiglu(self, gate: &mut [[f32; GROUP]], up: &[[f32; GROUP]]) {
        // SAFETY: as above.
        unsafe { (self.0.swiglu)(gate, up) }
    }

    /// Computes attention over an f32 cache.
    #[inline]
    pub fn attention_f32(self, input: Attention<'_, f32>) {
        // SAFETY: as above.
        unsafe { (self.0.attention_f32)(input) }
    }

    /// Computes attention over an f16 cache.
    #[inline]
    pub fn attention_f16(self, input: Attention<'_, u16>) {
        // SAFETY: as above.
        unsafe { (self.0.attention_f16)(input) }
    }

    /// Reads `words`, which are f32 values, as fast as possible. Writes the sum of those of even indices, and that of
    /// the others.
    #[inline]
    pub fn read(self, words: &[RowWords], sums: &mut [[f32; GROUP]; 2]) {
        // SAFETY: as above.
        unsafe { (self.0.read)(words, sums) }
    }

    /// Replaces each sum by sum * factor + summand, `rounds` times, for the first [`Kernels::sums`] of `sums`. They are
    /// as many as keep the arithmetic units busy.
    #[inline]
    pub fn multiply_adds(self, rounds: usize, terms: [f32; 2], sums: &mut [f32; MAX_SUMS]) {
        // SAFETY: as above.
        unsafe { (self.0.multiply_adds)(rounds, terms, sums) }
    }

    /// Number of sums of [`Kernels::multiply_adds`].
    pub const fn sums(self) -> usize {
        self.0.sums
    }
}
