//! Times of a step's kernels.

use llamaglass_types::timing::ModelPart;

/// Kernel of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelName {
    /// Lookup in the token embedding.
    Embedding,
    /// RMSNorm.
    Norm,
    /// Projections of queries, keys and values, with RoPE.
    Qkv,
    /// Writes to the cache, and attention.
    Attention,
    /// Attention's output projection.
    AttnOutput,
    /// Gate and up projections with SwiGLU.
    GateUp,
    /// Down projection.
    Down,
    /// Output matrix.
    Head,
}

impl KernelName {
    /// All kernels.
    pub const ALL: [Self; 8] = [
        Self::Embedding,
        Self::Norm,
        Self::Qkv,
        Self::Attention,
        Self::AttnOutput,
        Self::GateUp,
        Self::Down,
        Self::Head,
    ];

    /// Returns the name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embedding => "embedding",
            Self::Norm => "norm",
            Self::Qkv => "qkv",
            Self::Attention => "attention",
            Self::AttnOutput => "attention_output",
            Self::GateUp => "gate_up",
            Self::Down => "down",
            Self::Head => "head",
        }
    }

    /// Returns the part of the model that the kernel belongs to.
    pub const fn part(self) -> ModelPart {
        match self {
            Self::Embedding => ModelPart::Embedding,
            Self::Norm => ModelPart::Norm,
            Self::Qkv | Self::Attention | Self::AttnOutput => ModelPart::Attention,
            Self::GateUp | Self::Down => ModelPart::FeedForward,
            Self::Head => ModelPart::Head,
        }
    }
}

/// A kernel that ran once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KernelTime {
    /// The kernel.
    pub kernel: KernelName,
    /// Index of its layer; `None` before the first layer and after the last.
    pub layer: Option<usize>,
    /// Time until its last thread was done, in milliseconds.
    pub ms: f64,
    /// Bytes that it must at least read and write.
    pub bytes: u64,
    /// Floating-point operations; a multiply-add counts as two.
    pub flop: u64,
}

/// Books the time between kernels of a step.
#[derive(Debug)]
pub struct Laps {
    clock: fn() -> f64,
    last: f64,
}

impl Laps {
    /// Starts the first lap.
    pub fn start(clock: fn() -> f64) -> Self {
        let last = clock();
        Self { clock, last }
    }

    /// Returns the milliseconds since the last lap ended.
    pub fn lap(&mut self) -> f64 {
        let now = (self.clock)();
        let ms = now - self.last;
        self.last = now;
        ms
    }
}
