//! A step whose kernels were timed one by one, as an executor measures it.

use std::borrow::Cow;

/// Place of a kernel in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelSection {
    /// Before the first layer: the embedding.
    BeforeLayers,
    /// In the layer of this index.
    Layer(usize),
    /// After the last layer: final norm, head, and sampling if the executor samples with kernels.
    AfterLayers,
}

/// Kernel that ran once.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelRun {
    /// Place in the model.
    pub section: ModelSection,
    /// Name of the kernel and its variant. Runs of the same name are added up.
    pub name: Cow<'static, str>,
    /// Duration in milliseconds: on the device's clock if it has one, otherwise on the engine's, from the start to the
    /// end of the last thread.
    pub ms: f64,
    /// Milliseconds that the host took to encode the kernel for a device; 0 on the CPU.
    pub encode_ms: f64,
    /// Bytes that the kernel must at least read and write, each counted once.
    pub bytes: u64,
    /// Number of floating-point operations; a multiply-add counts as two.
    pub flop: u64,
}

/// Kernels of a step, timed one by one, and their totals in milliseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KernelProfile {
    /// Kernels in the order in which they ran.
    pub runs: Vec<KernelRun>,
    /// Time from the start of the first kernel to the end of the last on the device's clock; `None` if the kernels ran
    /// on the CPU and were timed on the engine's clock.
    pub device_ms: Option<f64>,
    /// Time on the engine's clock from before the first kernel until after the last, including what the measurement
    /// costs.
    pub wall_ms: f64,
}

impl ModelSection {
    /// Returns the index of the section among those of a model with `n_layers` layers, in order.
    pub const fn index(self, n_layers: usize) -> usize {
        match self {
            Self::BeforeLayers => 0,
            Self::Layer(layer) => layer + 1,
            Self::AfterLayers => n_layers + 1,
        }
    }
}
