//! Bytes and operations of kernels.

/// Work that a kernel must at least do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Bytes read and written, each counted once.
    pub bytes: usize,
    /// Floating-point operations.
    pub flop: usize,
}

impl Work {
    /// Product of `rows` rows with a matrix of `bytes` bytes and the given shape.
    pub const fn product(rows: usize, bytes: usize, [outputs, inputs]: [usize; 2]) -> Self {
        Self {
            bytes: bytes + 4 * rows * (inputs + outputs),
            flop: 2 * rows * inputs * outputs,
        }
    }

    /// Adds other work.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            flop: self.flop + other.flop,
        }
    }
}
