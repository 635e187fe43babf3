//! Description of the backend that runs a model.

use serde::{Deserialize, Serialize};

/// Backend that runs the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// wgpu: WebGPU in a browser; Vulkan, Metal or DX12 natively.
    Wgpu,
    /// burn-flex on the CPU.
    Flex,
}

impl Backend {
    /// Returns the backend's name in flags and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wgpu => "wgpu",
            Self::Flex => "flex",
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
}

impl BackendInfo {
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
