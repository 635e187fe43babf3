//! Description of the backend that runs a model.

use serde::{Deserialize, Serialize};

use crate::cpu::{InstructionSet, describe_cpu};

/// Backend that runs the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// wgpu: WebGPU in a browser; Vulkan, Metal or DX12 natively.
    Wgpu,
    /// The CPU. Older results call it `flex`.
    #[serde(alias = "flex")]
    Cpu,
}

impl Backend {
    /// Returns the backend's name in flags and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wgpu => "wgpu",
            Self::Cpu => "cpu",
        }
    }
}

/// The backend, its adapter and its limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackendInfo {
    /// Backend in use.
    pub backend: Backend,
    /// Graphics API, or `CPU`.
    pub api: String,
    /// Name of the adapter.
    pub adapter: String,
    /// Driver name and version, if the API reports them.
    pub driver: String,
    /// True if the adapter is software (lavapipe, SwiftShader, WARP) or the CPU backend.
    pub software: bool,
    /// Relevant WebGPU features of the device.
    pub features: Vec<String>,
    /// Relevant WebGPU limits, in their own units.
    pub limits: Vec<(String, u64)>,
    /// Reason why `auto` chose the CPU over a GPU adapter.
    pub fallback_reason: Option<String>,
    /// Number of threads that compute; `None` on a GPU and on the reference path.
    pub threads: Option<usize>,
    /// Instruction set of the CPU's kernels; `None` on a GPU and on the reference path.
    pub instruction_set: Option<InstructionSet>,
}

impl BackendInfo {
    /// Describes how the CPU computes, as in `AVX-512, 2 threads`; `None` on a GPU and on the reference path.
    pub fn describe_cpu(&self) -> Option<String> {
        describe_cpu(self.instruction_set, self.threads)
    }

    /// Returns the limit called `name`, if known.
    pub fn limit(&self, name: &str) -> Option<u64> {
        let found = self.limits.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| *value)
    }
}

/// Names of [`BackendInfo::limits`].
pub mod limit {
    /// Maximum size of a storage binding, in bytes.
    pub const STORAGE_BINDING: &str = "maxStorageBufferBindingSize";
    /// Maximum size of a buffer, in bytes.
    pub const BUFFER: &str = "maxBufferSize";
}

/// Bytes that a model needs on the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryLedger {
    /// Weights in their format on the device.
    pub weights: u64,
    /// Part of `weights` that steps only look rows up in: the embedding, unless it is also the output matrix.
    #[serde(default)]
    pub looked_up: u64,
    /// Keys and values of all layers and positions.
    pub kv_cache: u64,
    /// Estimated maximum of a step's intermediate values.
    pub activations: u64,
}

impl MemoryLedger {
    /// Total bytes.
    pub const fn total(&self) -> u64 {
        self.weights + self.kv_cache + self.activations
    }
}

#[cfg(test)]
mod tests {
    use super::Backend;

    #[test]
    fn old_name_of_cpu_backend_still_loads() {
        let read = |text| serde_json::from_str::<Backend>(text).expect("loads");
        assert_eq!(read("\"flex\""), Backend::Cpu);
        let written = serde_json::to_string(&Backend::Cpu).expect("writes");
        assert_eq!(written, "\"cpu\"");
        assert_eq!(read(&written), Backend::Cpu);
    }
}
