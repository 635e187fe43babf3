//! What runs a model, for people and reports.

use serde::{Deserialize, Serialize};

/// Which arithmetic runs the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// wgpu: WebGPU in a browser; Vulkan, Metal or DX12 natively.
    Wgpu,
    /// burn-flex on the CPU.
    Flex,
}

impl Backend {
    /// The backend's name for flags and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wgpu => "wgpu",
            Self::Flex => "flex",
        }
    }
}

/// What runs the model, for people and reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackendInfo {
    /// The arithmetic.
    pub backend: Backend,
    /// The graphics API, or `CPU`.
    pub api: String,
    /// The adapter's name.
    pub adapter: String,
    /// Driver name and version, where the API tells.
    pub driver: String,
    /// Whether the adapter is a program on the CPU (lavapipe, SwiftShader, WARP).
    pub software: bool,
    /// WebGPU features of the device that matter here.
    pub features: Vec<String>,
    /// WebGPU limits that matter here, in their units.
    pub limits: Vec<(String, u64)>,
    /// Why `auto` did not take a GPU adapter, in words.
    pub fallback_reason: Option<String>,
}

impl BackendInfo {
    /// The limit called `name`, where there is one.
    pub fn limit(&self, name: &str) -> Option<u64> {
        let found = self.limits.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| *value)
    }
}

/// Names of [`BackendInfo::limits`].
pub mod limit {
    /// The largest storage binding, in bytes.
    pub const STORAGE_BINDING: &str = "maxStorageBufferBindingSize";
    /// The largest buffer, in bytes.
    pub const BUFFER: &str = "maxBufferSize";
}
