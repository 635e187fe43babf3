//! The choice between the paths through a model.

use llamaglass_shaders::ATTENTION_MAX_D;

use super::error::ForwardError;
use crate::weights::ModelConfig;
use llamaglass_types::{Backend, BackendInfo, ForwardPath};

/// Returns the path for `config` on a device: the wanted one, or the fastest that supports it.
///
/// # Errors
/// [`ForwardError::NoPath`] if the wanted path, or every path, lacks support.
pub fn choose_path(
    wanted: Option<ForwardPath>,
    config: &ModelConfig,
    info: &BackendInfo,
) -> Result<ForwardPath, ForwardError> {
    let reference = match info.backend {
        Backend::Wgpu if cfg!(not(feature = "gpu-reference")) => {
            Err("burn's operations for a GPU are not built in".to_owned())
        }
        _ => Ok(ForwardPath::Reference),
    };
    let fast = match info.backend {
        Backend::Cpu => Ok(ForwardPath::Fast),
        Backend::Wgpu if config.head_dim > ATTENTION_MAX_D => Err(format!(
            "its heads have {} values, of at most {ATTENTION_MAX_D}",
            config.head_dim
        )),
        Backend::Wgpu => Ok(ForwardPath::Fast),
    };
    let no = |path: ForwardPath, why| ForwardError::NoPath {
        path: path.name(),
        why,
    };
    match wanted {
        Some(ForwardPath::Fast) => fast.map_err(|why| no(ForwardPath::Fast, why)),
        Some(ForwardPath::Reference) => reference.map_err(|why| no(ForwardPath::Reference, why)),
        None => fast.or_else(|why| reference.map_err(|_| no(ForwardPath::Fast, why))),
    }
}
