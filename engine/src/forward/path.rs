//! The paths through a model, and the choice between them.

use std::str::FromStr;

use llamaglass_shaders::ATTENTION_MAX_D;
use serde::{Deserialize, Serialize};

use super::error::ForwardError;
use super::info::{Backend, BackendInfo};
use crate::weights::ModelConfig;

/// Implementation of the forward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForwardPath {
    /// Our own kernels, on a GPU.
    Fast,
    /// Plain burn operations.
    Reference,
}

impl ForwardPath {
    /// Returns the path's name in flags and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Reference => "reference",
        }
    }

    /// Returns the path for `config` on a device: the wanted one, or the fastest that supports it.
    ///
    /// # Errors
    /// [`ForwardError::NoPath`] if the wanted path, or every path, lacks support.
    pub fn choose(
        wanted: Option<Self>,
        config: &ModelConfig,
        info: &BackendInfo,
    ) -> Result<Self, ForwardError> {
        let reference = match info.backend {
            Backend::Wgpu if cfg!(not(feature = "gpu-reference")) => {
                Err("burn's operations for a GPU are not built in".to_owned())
            }
            _ => Ok(Self::Reference),
        };
        let fast = match info.backend {
            Backend::Flex => Err("it needs a GPU adapter".to_owned()),
            Backend::Wgpu if config.head_dim > ATTENTION_MAX_D => Err(format!(
                "its heads have {} values, of at most {ATTENTION_MAX_D}",
                config.head_dim
            )),
            Backend::Wgpu => Ok(Self::Fast),
        };
        let no = |path: Self, why| ForwardError::NoPath {
            path: path.name(),
            why,
        };
        match wanted {
            Some(Self::Fast) => fast.map_err(|why| no(Self::Fast, why)),
            Some(Self::Reference) => reference.map_err(|why| no(Self::Reference, why)),
            None => fast.or_else(|why| reference.map_err(|_| no(Self::Fast, why))),
        }
    }
}

impl FromStr for ForwardPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "fast" => Ok(Self::Fast),
            "reference" => Ok(Self::Reference),
            _ => Err(format!("{text:?} is no path; there are fast and reference")),
        }
    }
}
