//! Where a step's time on the device went, kernel by kernel and layer by layer, and what finding that out
//! costs.

use serde::{Deserialize, Serialize};

use super::StepKind;

/// What the launches of one kernel in a step took, each in a pass of its own, on the device's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KernelTime {
    /// What the step computed.
    pub kind: StepKind,
    /// The kernel and its variant.
    pub name: String,
    /// How often a step launches it.
    pub launches: u32,
    /// All of a step's launches together, in milliseconds; the mean over steps.
    pub ms: f64,
    /// Bytes that they have to read and write at least, each once.
    #[serde(default)]
    pub bytes: u64,
    /// f32 operations, a multiply-add being two.
    #[serde(default)]
    pub flop: u64,
    /// What encoding their passes took on the engine's clock, in milliseconds; the mean over steps.
    #[serde(default)]
    pub encode_ms: f64,
}

impl KernelTime {
    /// Adds what `launch` took, which is of the same kernel.
    pub fn add(&mut self, launch: &Self) {
        self.launches += launch.launches;
        self.ms += launch.ms;
        self.bytes += launch.bytes;
        self.flop += launch.flop;
        self.encode_ms += launch.encode_ms;
    }

    /// 10^9 bytes a second; nothing where no time was seen to pass.
    pub fn gb_s(&self) -> Option<f64> {
        (self.ms > 0.0).then(|| self.bytes as f64 / self.ms / 1e6)
    }

    /// 10^9 operations a second; nothing where no time was seen to pass.
    pub fn gflop_s(&self) -> Option<f64> {
        (self.ms > 0.0).then(|| self.flop as f64 / self.ms / 1e6)
    }
}

/// What the launches of one layer in a step took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LayerTime {
    /// Which; none of what comes before the first one or after the last: embedding, final norm, output and
    /// pick.
    pub layer: Option<usize>,
    /// All its launches together on the device's clock, in milliseconds.
    pub ms: f64,
    /// What encoding their passes took on the engine's clock, in milliseconds.
    pub encode_ms: f64,
    /// By kernel, in the order in which each is launched first.
    pub kernels: Vec<KernelTime>,
}

/// What a step cost as a whole, in milliseconds; the medians of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StepCost {
    /// From before its first launch is encoded to after the wait for its last, on the engine's clock.
    pub wall_ms: f64,
    /// What encoding took of that.
    pub encode_ms: f64,
    /// From the begin of its first pass to the end of its last, on the device's clock, where it has one.
    pub device_ms: Option<f64>,
}

/// A step whose launches were timed one by one, beside the same step as answers take it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StepProfile {
    /// What the step computed.
    pub kind: StepKind,
    /// How many positions.
    pub tokens: usize,
    /// The first of them.
    pub position: usize,
    /// How often each was measured.
    pub repeat: usize,
    /// By kernel, most time first.
    pub kernels: Vec<KernelTime>,
    /// By layer, in order: what comes before the first, each layer, what comes after the last.
    pub layers: Vec<LayerTime>,
    /// As answers take it, all launches in one pass and the pick in another.
    pub plain: StepCost,
    /// Each launch in a pass of its own between two timestamps: what there is more of is the profiler's.
    pub profiled: StepCost,
}

/// Adds `launch` to those of its kernel.
fn add(kernels: &mut Vec<KernelTime>, launch: &KernelTime) {
    match kernels.iter_mut().find(|kernel| kernel.name == launch.name) {
        Some(kernel) => kernel.add(launch),
        None => kernels.push(launch.clone()),
    }
}

impl LayerTime {
    /// No launches yet.
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

/// The launches of `layers` by kernel, most time first.
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
