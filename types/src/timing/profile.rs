//! Breaks down a step's time by kernel and by layer, and states the cost of measuring it. On a GPU the times are on the
//! device's own clock, on the CPU on the engine's.

use serde::{Deserialize, Serialize};

use super::StepKind;

/// Time of all launches of one kernel in a step. On a GPU, each launch is timed in a compute pass of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KernelTime {
    /// Kind of step that was profiled.
    pub kind: StepKind,
    /// Name of the kernel and its variant.
    pub name: String,
    /// Number of launches per step.
    pub launches: u32,
    /// Time of all launches of a step, in milliseconds; mean over steps.
    pub ms: f64,
    /// Bytes that the launches must at least read and write, each counted once.
    #[serde(default)]
    pub bytes: u64,
    /// Number of floating-point operations; a multiply-add counts as two.
    #[serde(default)]
    pub flop: u64,
    /// Time for encoding the launches' passes, in milliseconds on the engine's clock; mean over steps. 0 on the CPU.
    #[serde(default)]
    pub encode_ms: f64,
}

impl KernelTime {
    /// Adds `launch`, which must be of the same kernel.
    pub fn add(&mut self, launch: &Self) {
        self.launches += launch.launches;
        self.ms += launch.ms;
        self.bytes += launch.bytes;
        self.flop += launch.flop;
        self.encode_ms += launch.encode_ms;
    }

    /// Memory throughput in 10^9 bytes per second; `None` if the clock saw no time pass.
    pub fn gb_s(&self) -> Option<f64> {
        (self.ms > 0.0).then(|| self.bytes as f64 / self.ms / 1e6)
    }

    /// Arithmetic throughput in 10^9 operations per second; `None` if the clock saw no time pass.
    pub fn gflop_s(&self) -> Option<f64> {
        (self.ms > 0.0).then(|| self.flop as f64 / self.ms / 1e6)
    }
}

/// Time of all launches of one layer in a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LayerTime {
    /// Index of the layer. `None` for the launches before the first layer (embedding) and after the last one
    /// (final norm, output, sampling).
    pub layer: Option<usize>,
    /// Time of all launches of the layer, in milliseconds.
    pub ms: f64,
    /// Time for encoding the launches' passes, in milliseconds on the engine's clock. 0 on the CPU.
    pub encode_ms: f64,
    /// Times by kernel, in the order of each kernel's first launch.
    pub kernels: Vec<KernelTime>,
}

/// Cost of a whole step in milliseconds; medians over several steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StepCost {
    /// Time on the engine's clock from before the first launch is encoded or computed until the last one is done.
    pub wall_ms: f64,
    /// Part of that time spent on encoding.
    pub encode_ms: f64,
    /// Time from the start of the first pass to the end of the last, if the device has a clock of its own.
    pub device_ms: Option<f64>,
}

/// A step whose launches were timed one by one, next to the same step as requests run it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StepProfile {
    /// Kind of step that was profiled.
    pub kind: StepKind,
    /// Number of positions that the step computes.
    pub tokens: usize,
    /// First of those positions.
    pub position: usize,
    /// Number of measurements of each step.
    pub repeat: usize,
    /// Times by kernel, slowest first.
    pub kernels: Vec<KernelTime>,
    /// Times by layer, in order: launches before the first layer, each layer, launches after the last layer.
    pub layers: Vec<LayerTime>,
    /// Cost of the step as requests run it. On a GPU, all launches are in one pass and sampling is in another.
    pub plain: StepCost,
    /// Cost with each launch timed by itself; the excess over `plain` is the profiler's overhead.
    pub profiled: StepCost,
}

impl StepProfile {
    /// Returns true if the launches were timed on the device's own clock, false if on the engine's, because the CPU
    /// computed them.
    pub const fn is_on_device(&self) -> bool {
        self.profiled.device_ms.is_some()
    }
}

/// Adds `launch` to the entry of its kernel.
fn add(kernels: &mut Vec<KernelTime>, launch: &KernelTime) {
    match kernels.iter_mut().find(|kernel| kernel.name == launch.name) {
        Some(kernel) => kernel.add(launch),
        None => kernels.push(launch.clone()),
    }
}

impl LayerTime {
    /// Creates a layer without launches.
    pub const fn new(layer: Option<usize>) -> Self {
        Self {
            layer,
            ms: 0.0,
            encode_ms: 0.0,
            kernels: Vec::new(),
        }
    }

    /// Adds a launch.
    pub fn push(&mut self, launch: &KernelTime) {
        self.ms += launch.ms;
        self.encode_ms += launch.encode_ms;
        add(&mut self.kernels, launch);
    }
}

/// Adds up the launches of `layers` by kernel, slowest first.
pub fn by_kernel(layers: &[LayerTime]) -> Vec<KernelTime> {
    let mut kernels = Vec::new();
    for launch in layers.iter().flat_map(|layer| &layer.kernels) {
        add(&mut kernels, launch);
    }
    kernels.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    kernels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launches_add_up_by_layer_and_by_kernel() {
        let launch = |name: &str, ms: f64| KernelTime {
            kind: StepKind::Decode,
            name: name.into(),
            launches: 1,
            ms,
            bytes: 10,
            flop: 100,
            encode_ms: 0.5,
        };
        let mut layers = [LayerTime::new(Some(0)), LayerTime::new(Some(1))];
        layers[0].push(&launch("norm", 1.0));
        layers[0].push(&launch("row", 2.0));
        layers[0].push(&launch("norm", 4.0));
        layers[1].push(&launch("row", 8.0));
        assert_eq!((layers[0].ms, layers[0].encode_ms), (7.0, 1.5));
        let names = layers[0].kernels.iter().map(|kernel| &*kernel.name);
        assert_eq!(names.collect::<Vec<_>>(), ["norm", "row"]);
        let [row, norm] = &by_kernel(&layers)[..] else {
            panic!("two kernels");
        };
        assert_eq!((&*row.name, row.launches, row.ms), ("row", 2, 10.0));
        assert_eq!((&*norm.name, norm.launches, norm.ms), ("norm", 2, 5.0));
        assert_eq!((norm.bytes, norm.flop, norm.encode_ms), (20, 200, 1.0));
    }
}
