//! Submitting and waiting, kept apart so that each gets its own span.

use burn::backend::DispatchDevice;
use burn::tensor::Device;

use super::error::ForwardError;

/// Hands what was issued so far to the device's queue; the CPU backend has none.
///
/// # Errors
/// [`ForwardError::Device`] where the queue refuses.
pub fn submit(device: &Device) -> Result<(), ForwardError> {
    match device.as_dispatch() {
        DispatchDevice::Cube(cube) => cube.client().flush().map_err(failed),
        _ => Ok(()),
    }
}

/// Waits until the device has finished all that was submitted.
///
/// # Errors
/// [`ForwardError::Device`] where the device failed.
pub async fn wait(device: &Device) -> Result<(), ForwardError> {
    match device.as_dispatch() {
        DispatchDevice::Cube(cube) => cube.client().sync().await.map_err(failed),
        _ => Ok(()),
    }
}

fn failed(error: impl std::fmt::Debug) -> ForwardError {
    ForwardError::Device {
        message: format!("{error:?}"),
    }
}
